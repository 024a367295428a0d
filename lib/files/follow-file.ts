import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type FairleadError, toFairleadError } from '#lib/errors';

/** What a file that is followed contains. */
export interface FollowedContent {
  /** Hash of the file and of every file that it names. */
  readonly revision: string;
  /** True if the file does not exist. */
  readonly missing?: true;
}

/** Receives what happens to a followed file. */
export interface FollowedReports<T> {
  /** Called with content that takes effect and differs, or that follows an error. */
  loaded(content: T): void;
  /** Called when the file does not exist. */
  missing(content: T): void;
  /** Called with an error, unless it is the same as before, and the content that stays in force. */
  broken(error: FairleadError, current: T): void;
}

/** How a file is followed. */
export interface FileWatch<T> {
  /** Reads the file and every file that it names. */
  readonly load: () => Promise<T>;
  readonly reports: FollowedReports<T>;
  /** Called after every reading: whether the content in force is that of the file. */
  readonly onRead: (inForce: boolean) => void;
  /**
   * Milliseconds between readings. The files are read, not watched, because key files and mounted
   * directories change too.
   */
  readonly interval?: number | undefined;
}

/**
 * How long a change must have stood before it takes effect, in milliseconds: the first half of a
 * file that is being written can be valid, and permit more.
 */
const settled = 200;

/**
 * Reads a file, and again every ten seconds and on reload(). Waits until a file that has just
 * changed is complete. Throws what the first reading throws.
 */
export async function followFile<T extends FollowedContent>(
  path: string,
  watch: FileWatch<T>,
): Promise<FollowedFile<T>> {
  let current = await watch.load();
  while (await changedJustNow(path)) {
    await delay(settled);
    current = await watch.load();
  }
  return new FollowedFile(current, watch);
}

/** The content of a file, which follows its changes. */
export class FollowedFile<T extends FollowedContent> {
  readonly #watch: FileWatch<T>;
  readonly #timer: NodeJS.Timeout;
  #current: T;
  /** The error that the last reading ended with. */
  #complaint: string | undefined;
  /** How many readings have begun. */
  #begun = 0;
  /** The number of the latest reading that has ended; infinite after stop(). */
  #ended = 0;
  #reads = false;

  /** Begins with content that was read: use {@link followFile}. */
  constructor(current: T, watch: FileWatch<T>) {
    this.#current = current;
    this.#watch = watch;
    if (current.missing) watch.reports.missing(current);
    watch.onRead(this.inForce);
    this.#timer = setInterval(() => this.#readUnlessReading(), watch.interval ?? 10_000);
    this.#timer.unref();
  }

  /** The content in force. */
  get current(): T {
    return this.#current;
  }

  /**
   * Whether the content in force is that of the files. False if the files are invalid, so that an
   * older content is in force, or if the file does not exist.
   */
  get inForce(): boolean {
    return this.#complaint === undefined && !this.#current.missing;
  }

  /** Why the files are invalid, so that an older content is in force; undefined if they are not. */
  get problem(): string | undefined {
    return this.#complaint;
  }

  /** Reads the files again. If they are invalid, reports that and keeps the previous content. */
  async reload(): Promise<void> {
    const turn = ++this.#begun;
    try {
      const fresh = await this.#loadSettled(this.#current.revision);
      if (this.#isLatest(turn)) this.#accept(fresh);
    } catch (error) {
      if (this.#isLatest(turn)) this.#reject(error);
    }
  }

  /** Stops following the files: nothing is reported and nothing changes after it. */
  stop(): void {
    clearInterval(this.#timer);
    // A reading that has begun has no effect when it ends.
    this.#ended = Infinity;
  }

  /** Skips a turn while a file does not answer: each reading of it would occupy another thread. */
  #readUnlessReading(): void {
    if (this.#reads) return;
    this.#reads = true;
    void this.reload().finally(() => {
      this.#reads = false;
    });
  }

  /** Loads the file; if it has changed from the known one, until two readings are equal. */
  async #loadSettled(known: string): Promise<T> {
    let fresh = await this.#watch.load();
    for (let before = known; fresh.revision !== before && fresh.revision !== known; ) {
      before = fresh.revision;
      await delay(settled);
      fresh = await this.#watch.load();
    }
    return fresh;
  }

  /** Records that a reading has ended; false if one that began later has ended before it. */
  #isLatest(turn: number): boolean {
    if (turn < this.#ended) return false;
    this.#ended = turn;
    return true;
  }

  #accept(fresh: T): void {
    const { reports, onRead } = this.#watch;
    // An empty file has the same revision as a missing one.
    const changed = fresh.revision !== this.#current.revision || fresh.missing !== this.#current.missing;
    if (changed || this.#complaint !== undefined) {
      if (fresh.missing) reports.missing(fresh);
      else reports.loaded(fresh);
    }
    this.#complaint = undefined;
    this.#current = fresh;
    onRead(this.inForce);
  }

  #reject(thrown: unknown): void {
    const error = toFairleadError(thrown);
    this.#watch.onRead(false);
    if (error.message !== this.#complaint) this.#watch.reports.broken(error, this.#current);
    this.#complaint = error.message;
  }
}

/** Returns whether a file may still be being written. A missing one is not. */
async function changedJustNow(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  const age = Date.now() - (found?.mtimeMs ?? 0);
  return age >= 0 && age < settled;
}
