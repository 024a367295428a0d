import { createHash } from 'node:crypto';
import { rmSync, type Stats } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { directoryEntries } from './directory-entries.ts';
import { writeDurably } from './durable-file.ts';
import type { StoreDirectories } from './store-directories.ts';

/** How long an effective profile that nobody asks for stays, in milliseconds. */
const lifetime = 60 * 60 * 1000;

/** Effective profiles as files, named by their content, for runtimes to read. */
export class EffectiveFiles {
  readonly #directories: StoreDirectories;
  readonly #now: () => Date;
  readonly #opened: number;
  /** When each file was last asked for, by its name. */
  readonly #asked = new Map<string, number>();
  /** What each file was like when its content was known, by its name. */
  readonly #known = new Map<string, Stats>();

  constructor(directories: StoreDirectories, now: () => Date) {
    this.#directories = directories;
    this.#now = now;
    this.#opened = now().getTime();
  }

  /**
   * Keeps an effective profile and returns its path, for a runtime that runs as root or as this
   * user. Throws as writeDurably does.
   */
  async put(bytes: Uint8Array): Promise<string> {
    const { effective, temporary } = this.#directories;
    const name = `${createHash('sha256').update(bytes).digest('hex')}.json`;
    const path = join(effective, name);
    this.#asked.set(name, this.#now().getTime());
    const before = await statOf(path);
    const present = await readFile(path).catch(() => undefined);
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
    this.#asked.set(name, this.#now().getTime());
    const found = await statOf(path);
    return found !== undefined && isUnchanged(found, known);
  }

  #know(name: string, stats: Stats | undefined): void {
    if (stats === undefined) this.#known.delete(name);
    else this.#known.set(name, stats);
  }

  /**
   * Drops the files that were not asked for in the last hour, or another time in milliseconds;
   * runtimes read them when they create a container. Returns their names.
   */
  async dropOld(life = lifetime): Promise<readonly string[]> {
    const { effective } = this.#directories;
    const oldest = this.#now().getTime() - life;
    const dropped: string[] = [];
    for (const name of await directoryEntries(effective)) {
      if ((this.#asked.get(name) ?? this.#opened) > oldest) continue;
      this.#asked.delete(name);
      this.#known.delete(name);
      // Synchronous, right after the check: nobody can be given the path in between.
      rmSync(join(effective, name), { force: true, recursive: true });
      dropped.push(name);
    }
    return dropped;
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}

/** Every change of a file sets the time of its last change (ctime), which no program can choose. */
function isUnchanged(now: Stats, then: Stats): boolean {
  return now.ino === then.ino && now.size === then.size && now.ctimeMs === then.ctimeMs;
}
