import { rm } from 'node:fs/promises';
import { isExhausted, toFairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { isDamage } from './blob-file.ts';
import { checkContent, contentOf, keepOwnBlobs, removeOrphans } from './check-store.ts';
import { pulledAgain, type Records } from './records.ts';
import { removeDamaged, type StoreLog } from './remove-damaged.ts';
import { blobPath, recordPath, type StoreDirectories } from './store-directories.ts';

/** A part of an artifact. */
type Content = Pick<Descriptor, 'digest' | 'size'>;

/** The dependencies of Contents. */
export interface ContentsDependencies {
  readonly directories: StoreDirectories;
  readonly records: Records;
  readonly log: StoreLog;
  /** Runs a change of the store when those before it have ended. */
  readonly inTurn: <T>(change: () => Promise<T>) => Promise<T>;
}

/**
 * What content the artifacts of a store are made of, and whether all of it was verified since the
 * store was opened.
 */
export class Contents {
  readonly #dependencies: ContentsDependencies;
  /** All content of an artifact, if it is known. */
  readonly #known = new Map<Digest, readonly Content[]>();
  /** The artifacts that were not verified. */
  readonly #unchecked: Set<Digest>;
  /** Whether there may be blobs that no artifact needs. */
  #mayHaveOrphans = true;

  /** `recorded` has the digests of all records. */
  constructor(recorded: readonly Digest[], dependencies: ContentsDependencies) {
    this.#dependencies = dependencies;
    this.#unchecked = new Set(recorded);
  }

  /** Takes note of an artifact that was written, in a turn. */
  add(digest: Digest, content: readonly Content[]): void {
    this.#known.set(digest, content.map(onlyContent));
    this.#unchecked.delete(digest);
  }

  /**
   * Forgets an artifact whose record was removed, in a turn, and removes the blobs that no other
   * needs. Leaves them to {@link check} if that has not yet verified all artifacts.
   */
  async remove(digest: Digest): Promise<void> {
    const content = this.#known.get(digest) ?? [];
    this.#known.delete(digest);
    this.#unchecked.delete(digest);
    await this.removeUnneeded(content);
  }

  /** Removes those of some blobs that no artifact needs, in a turn, as {@link remove} does. */
  async removeUnneeded(blobs: readonly Content[]): Promise<void> {
    const { directories } = this.#dependencies;
    if (this.#unchecked.size > 0) return;
    const hadOrphans = this.#mayHaveOrphans;
    this.#mayHaveOrphans = true;
    const needed = this.#needed();
    for (const { digest } of blobs) if (!needed.has(digest)) await rm(blobPath(directories, digest), { force: true });
    // Other blobs that no artifact needs are left to a check.
    this.#mayHaveOrphans = hadOrphans;
  }

  /** Returns how many bytes the content of an artifact has; 0 if its manifest cannot be read. */
  async sizeOf(digest: Digest): Promise<number> {
    const { directories, records, inTurn } = this.#dependencies;
    // In a turn: thousands may be asked for at once, and each would have a file open.
    const content =
      this.#known.get(digest) ??
      (await inTurn(async () => {
        const record = records.get(digest);
        // The next check finds and removes what is damaged.
        return record && contentOf(directories, record.descriptor).catch(() => undefined);
      }));
    return content?.reduce((sum, { size }) => sum + size, 0) ?? 0;
  }

  /**
   * Verifies what was not verified yet. Removes, and logs, artifacts that are damaged, and files
   * that are not this user's alone; removes blobs that no artifact needs. Rejects with the reason
   * of the signal, and with Unavailable if too many files are open; the next check continues then.
   */
  async check(signal: AbortSignal | undefined): Promise<void> {
    const { directories, inTurn, log } = this.#dependencies;
    // Artifacts that were found to be damaged are removed before.
    await inTurn(async () => undefined);
    if (this.#unchecked.size === 0 && !this.#mayHaveOrphans) return;
    const look = (files: () => void): Promise<void> => {
      signal?.throwIfAborted();
      return inTurn(async () => files());
    };
    await keepOwnBlobs(directories, look, log);
    for (const digest of this.#unchecked) {
      signal?.throwIfAborted();
      await inTurn(() => this.#checkArtifact(digest));
    }
    await inTurn(async () => {
      // What an artifact needs that cannot be read for now is not known.
      if (this.#unchecked.size > 0) return;
      await removeOrphans(directories, this.#needed());
      this.#mayHaveOrphans = false;
    });
  }

  /** Verifies the artifacts again that have a blob which was found to be damaged. */
  checkAgain(blob: Digest): void {
    const { inTurn, log } = this.#dependencies;
    for (const [artifact, content] of this.#known) {
      if (!content.some(({ digest }) => digest === blob)) continue;
      inTurn(() => this.#checkArtifact(artifact)).catch((error: Error) => log(error.message));
    }
  }

  /** Verifies all content of an artifact, in a turn; removes the artifact if it is damaged. */
  async #checkArtifact(digest: Digest): Promise<void> {
    const { directories, records, log } = this.#dependencies;
    const record = records.get(digest);
    if (record === undefined) {
      if (!records.isUnread(digest)) this.#unchecked.delete(digest);
      return;
    }
    const path = recordPath(directories, digest);
    try {
      this.add(digest, await checkContent(directories, record.descriptor));
    } catch (error) {
      if (isExhausted(error)) throw toFairleadError(error);
      const cause = error instanceof Error ? error.message : String(error);
      if (isDamage(error)) {
        records.forget(digest);
        this.#known.delete(digest);
        this.#unchecked.delete(digest);
        this.#mayHaveOrphans = true;
        removeDamaged(path, `${cause}; ${pulledAgain}`, log);
      } else log(`${path}: left as it is, but its content cannot be read: ${cause}`);
    }
  }

  #needed(): ReadonlySet<Digest> {
    return new Set([...this.#known.values()].flatMap((content) => content.map(({ digest }) => digest)));
  }
}

/** Drops what else a descriptor has: there may be thousands. */
function onlyContent({ digest, size }: Content): Content {
  return { digest, size };
}
