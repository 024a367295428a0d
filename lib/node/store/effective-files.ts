import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { chmod, lstat, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isExhausted, toFairleadError } from '#lib/errors';
import { directoryEntries } from './directory-entries.ts';
import { removeNow, writeDurably } from './durable-file.ts';
import { isReadableByOthers, notOwnFile } from './own-file.ts';
import { removeDamaged, type StoreLog } from './remove-damaged.ts';
import type { StoreDirectories } from './store-directories.ts';

/** How long an effective profile stays after it was last asked for, in milliseconds. */
const lifetime = 60 * 60 * 1000;

/** Effective profiles as files, named by their content, for runtimes to read. */
export class EffectiveFiles {
  readonly #directories: StoreDirectories;
  readonly #clock: () => number;
  readonly #opened: number;
  #isChecked = false;
  /** When each file was last asked for, by its name. */
  readonly #asked = new Map<string, number>();
  /** What each file was like when its content was known, by its name. */
  readonly #known = new Map<string, Stats>();

  /** `clock` returns milliseconds that only increase. */
  constructor(directories: StoreDirectories, clock: () => number) {
    this.#directories = directories;
    this.#clock = clock;
    this.#opened = clock();
  }

  /**
   * Keeps an effective profile and returns its path, for a runtime that runs as root or as this
   * user. Throws as writeDurably does.
   */
  async put(bytes: Uint8Array): Promise<string> {
    const { effective, temporary } = this.#directories;
    const name = `${createHash('sha256').update(bytes).digest('hex')}.json`;
    const path = join(effective, name);
    this.#asked.set(name, this.#clock());
    const before = await statOf(path);
    const isPrivate = before !== undefined && notOwnFile(before) === undefined && !isReadableByOthers(before);
    const present = isPrivate ? await readFile(path).catch(() => undefined) : undefined;
    if (present?.equals(bytes) === true) this.#know(name, before);
    else {
      await writeDurably(path, bytes, { temporaryDirectory: temporary });
      this.#know(name, await statOf(path));
    }
    return path;
  }

  /**
   * Reports whether a file is as {@link put} left it, without reading it. Keeps it then as put
   * does.
   */
  async holds(path: string): Promise<boolean> {
    const name = basename(path);
    const known = this.#known.get(name);
    if (known === undefined) return false;
    this.#asked.set(name, this.#clock());
    const found = await statOf(path);
    return found !== undefined && isUnchanged(found, known);
  }

  #know(name: string, stats: Stats | undefined): void {
    if (stats === undefined) this.#known.delete(name);
    else this.#known.set(name, stats);
  }

  /**
   * Removes files whose content is not what their name states, and what is not a file of this
   * user's alone. Passes over those that {@link put} has verified or is about to write. Does
   * nothing once it has succeeded. Rejects with the reason of the signal, and with Unavailable if
   * too many files are open.
   */
  async check(log: StoreLog, signal?: AbortSignal): Promise<void> {
    if (this.#isChecked) return;
    const { effective } = this.#directories;
    for (const name of await directoryEntries(effective)) {
      signal?.throwIfAborted();
      const path = join(effective, name);
      const problem = this.#asked.has(name) ? undefined : await problemOf(path, name);
      // What was asked for meanwhile may have been written anew.
      if (problem !== undefined && !this.#asked.has(name)) removeDamaged(path, problem, log);
    }
    this.#isChecked = true;
  }

  /**
   * Drops the files that were not asked for in the last hour, or another time in milliseconds;
   * runtimes read them when they create a container. Returns their names. Throws as removeNow does.
   */
  async dropOld(life = lifetime): Promise<readonly string[]> {
    const { effective } = this.#directories;
    const oldest = this.#clock() - life;
    const dropped: string[] = [];
    for (const name of await directoryEntries(effective)) {
      if ((this.#asked.get(name) ?? this.#opened) > oldest) continue;
      this.#asked.delete(name);
      this.#known.delete(name);
      // Synchronous, right after the check: the path cannot be returned to a caller in between.
      removeNow(join(effective, name));
      dropped.push(name);
    }
    return dropped;
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}

/** Returns why a file must not remain; undefined if it may, or if it does not exist. */
async function problemOf(path: string, name: string): Promise<string | undefined> {
  const found = await statOf(path);
  if (found === undefined) return undefined;
  const problem = notOwnFile(found);
  if (problem !== undefined) return problem;
  try {
    if (isReadableByOthers(found)) await chmod(path, 0o600);
    const hash = createHash('sha256').update(await readFile(path));
    return name === `${hash.digest('hex')}.json` ? undefined : 'its content does not match its name';
  } catch (error) {
    if (isExhausted(error)) throw toFairleadError(error);
    return error instanceof Error ? error.message : String(error);
  }
}

/** Every change of a file sets the time of its last change (ctime), which no program can choose. */
function isUnchanged(now: Stats, then: Stats): boolean {
  return now.ino === then.ino && now.size === then.size && now.ctimeMs === then.ctimeMs;
}
