import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { Digest } from '#lib/registry/digest';
import { quote } from '#lib/text/quote';
import { directoryEntries } from './directory-entries.ts';
import { removeNow, writeDurably } from './durable-file.ts';
import type { StoreDirectories } from './store-directories.ts';
import { parseUse, renderUse, type Use } from './use-note.ts';

/** What containers and sandboxes were created with, all together. */
export interface InUse {
  readonly artifacts: ReadonlySet<Digest>;
  readonly appArmor: ReadonlySet<string>;
  /** The IDs of those whose notes are not empty. */
  readonly noted: ReadonlySet<string>;
}

/** Notes about which container or sandbox was created with which profiles. */
export class Uses {
  readonly #directories: StoreDirectories;

  constructor(directories: StoreDirectories) {
    this.#directories = directories;
  }

  /**
   * Returns all notes by the ID of the container or sandbox, also of those that are gone. Rejects
   * if a note cannot be read.
   */
  async list(): Promise<ReadonlyMap<string, Use>> {
    const { uses } = this.#directories;
    const noted = new Map<string, Use>();
    // One after the other: there may be thousands, and each has a file open.
    for (const id of await directoryEntries(uses)) {
      const text = await readFile(join(uses, id), 'utf8').catch((error: NodeJS.ErrnoException) => {
        // It was removed meanwhile.
        if (error.code === 'ENOENT') return undefined;
        throw toFairleadError(error);
      });
      if (text !== undefined) noted.set(id, parseUse(text));
    }
    return noted;
  }

  /**
   * Notes what a container or sandbox was created with. Does not flush it: after a power failure no
   * container is left. Throws InvalidInput for an invalid ID, and as writeDurably does.
   */
  async put(id: string, use: Use): Promise<void> {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(id)) {
      throw new FairleadError('InvalidInput', `invalid ID of a container: ${quote(id, 200)}`);
    }
    const { uses, temporary } = this.#directories;
    const path = join(uses, id);
    const bytes = renderUse(use);
    // A container is new, and so is its note. A part of a note is as good as none.
    await writeFile(path, bytes, { flag: 'wx', mode: 0o600 }).catch(() =>
      writeDurably(path, bytes, { temporaryDirectory: temporary, flush: false }),
    );
  }

  /**
   * Returns what the containers and sandboxes that `alive` returns were created with, and drops
   * notes about others. `alive` is called after the notes are read. So what it does not return is
   * gone, and not yet to come. Rejects as removeNow throws.
   */
  async of(alive: () => Promise<ReadonlySet<string>>): Promise<InUse> {
    const { uses } = this.#directories;
    const artifacts = new Set<Digest>();
    const appArmor = new Set<string>();
    const noted = new Set<string>();
    const ids = await directoryEntries(uses);
    const living = await alive();
    for (const id of ids) {
      const path = join(uses, id);
      if (!living.has(id)) {
        removeNow(path);
        continue;
      }
      const use = parseUse(await readFile(path, 'utf8'));
      for (const digest of use.artifacts) artifacts.add(digest);
      if (use.appArmor !== undefined) appArmor.add(use.appArmor);
      if (use.artifacts.length > 0 || use.appArmor !== undefined) noted.add(id);
    }
    return { artifacts, appArmor, noted };
  }
}
