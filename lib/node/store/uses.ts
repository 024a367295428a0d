import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import type { Digest } from '#lib/registry/digest';
import { quote } from '#lib/text/quote';
import { writeDurably } from './durable-file.ts';
import type { StoreDirectories } from './store-directories.ts';

/** Notes about which container or sandbox was created with which artifact. */
export class Uses {
  readonly #directories: StoreDirectories;

  constructor(directories: StoreDirectories) {
    this.#directories = directories;
  }

  /**
   * Notes that a container or sandbox was created with an artifact. Throws InvalidInput for an
   * invalid ID, and as writeDurably does.
   */
  async put(id: string, digest: Digest): Promise<void> {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(id)) {
      throw new FairleadError('InvalidInput', `invalid ID of a container: ${quote(id, 200)}`);
    }
    const { uses, temporary } = this.#directories;
    await writeDurably(join(uses, id), Buffer.from(digest), { temporaryDirectory: temporary });
  }

  /**
   * Returns the artifacts of the containers and sandboxes that `alive` returns, and drops notes
   * about others. `alive` is called after the notes are read. So what it does not return is gone,
   * and not yet to come.
   */
  async of(alive: () => Promise<ReadonlySet<string>>): Promise<Set<Digest>> {
    const { uses } = this.#directories;
    const used = new Set<Digest>();
    const noted = await readdir(uses);
    const living = await alive();
    for (const id of noted) {
      const path = join(uses, id);
      if (living.has(id)) used.add((await readFile(path, 'utf8')) as Digest);
      else await rm(path, { force: true });
    }
    return used;
  }
}
