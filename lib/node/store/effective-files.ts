import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
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
    const present = await readFile(path).catch(() => undefined);
    if (present?.equals(bytes) !== true) await writeDurably(path, bytes, { temporaryDirectory: temporary });
    return path;
  }

  /**
   * Drops the files that nobody asked for in the last hour; runtimes read them when they create a
   * container.
   */
  async dropOld(): Promise<void> {
    const { effective } = this.#directories;
    const oldest = this.#now().getTime() - lifetime;
    for (const name of await readdir(effective)) {
      if ((this.#asked.get(name) ?? this.#opened) > oldest) continue;
      this.#asked.delete(name);
      // Synchronous, right after the check: nobody can be given the path in between.
      rmSync(join(effective, name), { force: true, recursive: true });
    }
  }
}
