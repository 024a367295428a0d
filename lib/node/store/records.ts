import { chmodSync, lstatSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { isExhausted, toFairleadError } from '#lib/errors';
import { type Digest, digestAlgorithms, isDigest } from '#lib/registry/digest';
import { isDamage } from './blob-file.ts';
import { isReadableByOthers, notOwnFile } from './own-file.ts';
import { removeDamaged, type StoreLog } from './remove-damaged.ts';
import { recordPath, type StoreDirectories } from './store-directories.ts';
import { parseRecord, type StoredArtifact } from './stored-artifact.ts';

/** How many records are read before other work has its turn. */
const readAtOnce = 32;

/**
 * The records of a store. Each is read when it is first asked for: a store with thousands of them
 * opens at once. Reads are synchronous, so that no change of the same record happens meanwhile.
 */
export class Records {
  readonly #directories: StoreDirectories;
  readonly #log: StoreLog;
  readonly #read = new Map<Digest, StoredArtifact>();
  readonly #unread: Set<Digest>;
  /** Those of the unread ones that could not be read, which was logged. */
  readonly #unreadable = new Set<Digest>();

  constructor(directories: StoreDirectories, unread: Iterable<Digest>, log: StoreLog) {
    this.#directories = directories;
    this.#unread = new Set(unread);
    this.#log = log;
  }

  /**
   * Returns a record; undefined if it does not exist, is damaged, or cannot be read for now. A
   * damaged one is removed. Throws Unavailable if too many files are open.
   */
  get(digest: Digest): StoredArtifact | undefined {
    const known = this.#read.get(digest);
    return known ?? (this.#unread.has(digest) ? this.#readFirst(digest) : undefined);
  }

  /** Returns all records. Rejects as {@link get} throws. */
  async list(): Promise<StoredArtifact[]> {
    let count = 0;
    for (const digest of this.#unread) {
      this.#readFirst(digest);
      if (++count % readAtOnce === 0) await setImmediate();
    }
    return [...this.#read.values()];
  }

  /**
   * Reports whether a record exists that was not read, because that was not asked for or failed.
   */
  isUnread(digest: Digest): boolean {
    return this.#unread.has(digest);
  }

  /** Remembers a record that was written. */
  set(record: StoredArtifact): void {
    this.#unread.delete(record.descriptor.digest);
    this.#read.set(record.descriptor.digest, record);
  }

  /** Forgets a record. */
  forget(digest: Digest): void {
    this.#unread.delete(digest);
    this.#read.delete(digest);
  }

  #readFirst(digest: Digest): StoredArtifact | undefined {
    const path = recordPath(this.#directories, digest);
    try {
      const record = readRecord(path, digest);
      this.set(record);
      return record;
    } catch (error) {
      if (isExhausted(error)) throw toFairleadError(error);
      const cause = error instanceof Error ? error.message : String(error);
      if (!isDamage(error)) {
        if (!this.#unreadable.has(digest)) {
          this.#log(`${path}: left as it is and not used, since it cannot be read: ${cause}; ${pulledAgain}`);
        }
        this.#unreadable.add(digest);
        return undefined;
      }
      this.#unread.delete(digest);
      removeDamaged(path, `${cause}; ${pulledAgain}`, this.#log);
      return undefined;
    }
  }
}

/** What follows when an artifact is removed that is damaged. */
export const pulledAgain = 'the artifact is pulled again when it is needed';

function readRecord(path: string, digest: Digest): StoredArtifact {
  const found = lstatSync(path);
  const problem = notOwnFile(found);
  if (problem !== undefined) throw new Error(problem);
  if (isReadableByOthers(found)) chmodSync(path, 0o600);
  const record = parseRecord(readFileSync(path));
  if (record.descriptor.digest !== digest) throw new Error('it has the name of another record');
  return record;
}

/**
 * Returns the digests of the artifacts that have a record, by the names of the files. Removes what
 * has no such name.
 */
export async function recordedDigests({ artifacts }: StoreDirectories, log: StoreLog): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const name of await readdir(artifacts)) {
    const hex = name.endsWith('.json') ? name.slice(0, -'.json'.length) : '';
    const digest = digestAlgorithms.map((algorithm) => `${algorithm}:${hex}`).find(isDigest);
    if (digest !== undefined) digests.push(digest);
    else removeDamaged(join(artifacts, name), 'it has no name of a record', log);
  }
  return digests;
}
