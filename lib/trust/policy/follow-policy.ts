import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { toFairleadError } from '#lib/errors';
import { requireFile } from '#lib/files/require-file';
import { loadPolicy, type PolicyReading } from './load-policy.ts';
import type { Policy } from './node-policy.ts';

/** The trust policy in force, which follows changes of its files. */
export interface PolicySource {
  readonly current: Policy;
  /**
   * Whether the policy in force is the one in the files. False if the files are invalid, so that an
   * older policy is in force, or if the policy file does not exist, so that everything is denied.
   */
  readonly inForce: boolean;
  /** Why the files are invalid, so that an older policy is in force; undefined if they are not. */
  readonly problem: string | undefined;
  /** Reads the files again. If they are invalid, logs an error and keeps the previous policy. */
  reload(): Promise<void>;
  /** Stops following the files: nothing is reported and nothing changes after it. */
  stop(): void;
}

/** How a policy is followed. */
export interface PolicyWatch extends PolicyReading {
  /**
   * Receives what happens to the files; has pino's methods. Records carry the messageId
   * `fairlead.policy.loaded`, `fairlead.policy.missing` or `fairlead.policy.broken`.
   */
  readonly log: Record<'info' | 'warn' | 'error', (record: object, message: string) => void>;
  /** Called after every reading with the new value of `inForce`. */
  readonly onRead?: (inForce: boolean) => void;
  /**
   * Milliseconds between readings. The files are read, not watched, because key files and mounted
   * directories change too.
   */
  readonly interval?: number;
}

/**
 * How long a change must have stood before it takes effect, in milliseconds: the first half of a
 * file that is being written can be a valid policy, and a looser one.
 */
const settled = 200;

/**
 * Loads the policy of a file, and reads it again every ten seconds and on reload(). Waits until a
 * file that has just changed is complete. Throws InvalidInput if the policy is invalid, and if one
 * of its files is not a regular file: others cannot be read again.
 */
export async function followPolicy(
  path: string,
  { log, onRead = () => undefined, interval = 10_000, checkPath }: PolicyWatch,
): Promise<PolicySource> {
  const reading: PolicyReading = {
    checkPath: async (path) => {
      await checkPath?.(path);
      await requireFile(path);
    },
  };
  let current = await loadPolicy(path, reading);
  while (await changedJustNow(path)) {
    await delay(settled);
    current = await loadPolicy(path, reading);
  }
  return new FollowedPolicy(path, current, { log, onRead, interval, reading });
}

interface FollowedPolicyOptions extends Required<Pick<PolicyWatch, 'log' | 'onRead' | 'interval'>> {
  readonly reading: PolicyReading;
}

class FollowedPolicy implements PolicySource {
  readonly #path: string;
  readonly #log: PolicyWatch['log'];
  readonly #onRead: (inForce: boolean) => void;
  readonly #reading: PolicyReading;
  readonly #timer: NodeJS.Timeout;
  #current: Policy;
  /** The error that the last reading ended with. */
  #complaint: string | undefined;
  /** How many readings have begun. */
  #begun = 0;
  /** The number of the latest reading that has ended; infinite after stop(). */
  #ended = 0;
  #reads = false;

  constructor(path: string, current: Policy, { log, onRead, interval, reading }: FollowedPolicyOptions) {
    this.#path = path;
    this.#current = current;
    this.#log = log;
    this.#onRead = onRead;
    this.#reading = reading;
    if (current.missing) this.#warnMissing();
    onRead(this.inForce);
    this.#timer = setInterval(() => this.#readUnlessReading(), interval);
    this.#timer.unref();
  }

  get current(): Policy {
    return this.#current;
  }

  get inForce(): boolean {
    return this.#complaint === undefined && !this.#current.missing;
  }

  get problem(): string | undefined {
    return this.#complaint;
  }

  async reload(): Promise<void> {
    const turn = ++this.#begun;
    try {
      const fresh = await loadSettled(this.#path, this.#current.revision, this.#reading);
      if (this.#isLatest(turn)) this.#accept(fresh);
    } catch (error) {
      if (this.#isLatest(turn)) this.#reject(error);
    }
  }

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

  /** Records that a reading has ended; false if one that began later has ended before it. */
  #isLatest(turn: number): boolean {
    if (turn < this.#ended) return false;
    this.#ended = turn;
    return true;
  }

  #accept(fresh: Policy): void {
    // An empty file has the same revision as a missing one.
    const changed = fresh.revision !== this.#current.revision || fresh.missing !== this.#current.missing;
    if (changed || this.#complaint !== undefined) {
      if (fresh.missing) this.#warnMissing();
      else this.#reportLoaded(fresh);
    }
    this.#complaint = undefined;
    this.#current = fresh;
    this.#onRead(this.inForce);
  }

  #reject(thrown: unknown): void {
    const error = toFairleadError(thrown);
    this.#onRead(false);
    if (error.message !== this.#complaint) {
      this.#log.error(
        { messageId: 'fairlead.policy.broken', hint: error.hint, revision: this.#current.revision },
        `invalid policy, the previous one stays in force: ${error.message}`,
      );
    }
    this.#complaint = error.message;
  }

  #reportLoaded({ source: policy, revision, rules: { length: rules } }: Policy): void {
    const record = { messageId: 'fairlead.policy.loaded', policy, revision, rules };
    if (rules > 0) this.#log.info(record, 'policy loaded');
    // It is valid, and may be a file that lost its content.
    else this.#log.warn(record, 'policy loaded: it has no rules, so everything is denied');
  }

  #warnMissing(): void {
    this.#log.warn(
      {
        messageId: 'fairlead.policy.missing',
        policy: this.#path,
        hint: 'Create the file, or correct its path (`policy`).',
      },
      `the policy ${this.#path} does not exist: everything is denied`,
    );
  }
}

/** Returns whether a file may still be being written. A missing one is not. */
async function changedJustNow(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  const age = Date.now() - (found?.mtimeMs ?? 0);
  return age >= 0 && age < settled;
}

/** Loads a policy; if it has changed from the known one, until two readings in a row are equal. */
async function loadSettled(path: string, known: string, reading: PolicyReading): Promise<Policy> {
  let fresh = await loadPolicy(path, reading);
  for (let before = known; fresh.revision !== before && fresh.revision !== known; ) {
    before = fresh.revision;
    await delay(settled);
    fresh = await loadPolicy(path, reading);
  }
  return fresh;
}
