import { rm, stat } from 'node:fs/promises';
import type { Artifact } from '#lib/artifact/artifact';
import { FairleadError, isExhausted, toFairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { syncDirectory } from '#lib/files/write-whole';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Digest } from '#lib/registry/digest';
import type { Fetcher } from '#lib/registry/target';
import type { Signature } from '#lib/trust/signature/signature';
import { identify, openCallerKey } from './caller-key.ts';
import { type CheckedStore, checkStore, readBlob, type StoreLog } from './check-store.ts';
import { lockDirectory } from './directory-lock.ts';
import { writeDurably } from './durable-file.ts';
import { EffectiveFiles } from './effective-files.ts';
import { isNoted, type PullNote, withNote } from './pull-note.ts';
import { blobPath, makeDirectories, recordPath, type StoreDirectories } from './store-directories.ts';
import { renderRecord, type StoredArtifact } from './stored-artifact.ts';
import { Uses } from './uses.ts';

/**
 * How many bytes artifacts may take, with their signatures, that no container was created with and
 * nobody has asked for lately.
 */
const unusedBytes = 64 * 1024 * 1024;
/**
 * How long an artifact stays after somebody asked for it, in milliseconds: a container may be about
 * to be created.
 */
const artifactLife = 60 * 60 * 1000;

/** The result of a pull, all of it verified. */
export interface PulledArtifact extends PullNote {
  readonly artifact: Artifact;
  readonly kind: RuntimeKind;
  readonly signatures: readonly Signature[];
}

/**
 * The node's store of verified artifacts and effective profiles: content-addressed files in one
 * directory. A record is written after everything that it names, and blobs are never changed, so
 * that the store is consistent at every instant. Callers put in only what they have verified.
 */
export class Store {
  /** Effective profiles as files. */
  readonly effective: EffectiveFiles;
  /** Which container or sandbox was created with which profiles. */
  readonly uses: Uses;
  readonly #directories: StoreDirectories;
  readonly #records: CheckedStore['records'];
  readonly #contents: CheckedStore['contents'];
  readonly #callerKey: Uint8Array;
  readonly #unlock: () => void;
  readonly #now: () => Date;
  /** When each artifact was last asked for. */
  readonly #asked = new Map<Digest, number>();
  /** Changes of records happen one after the other. */
  #change: Promise<unknown> = Promise.resolve();

  /** Takes what {@link openStore} has prepared. */
  constructor(
    directories: StoreDirectories,
    { records, contents }: CheckedStore,
    { callerKey, unlock, now }: { callerKey: Uint8Array; unlock: () => void; now: () => Date },
  ) {
    this.#directories = directories;
    this.#records = records;
    this.#contents = contents;
    this.#callerKey = callerKey;
    this.#unlock = unlock;
    this.#now = now;
    this.effective = new EffectiveFiles(directories, now);
    this.uses = new Uses(directories);
  }

  /**
   * Reads content of stored artifacts as a registry would return it; the reader checks digests.
   * Rejects with NotFound for content that is missing or damaged.
   */
  readonly fetcher: Fetcher = {
    fetch: async (descriptor) => {
      const bytes = await readBlob(this.#directories, descriptor).catch((cause: unknown) => {
        if (isExhausted(cause)) throw toFairleadError(cause);
        const { root } = this.#directories;
        throw new FairleadError('NotFound', `${descriptor.digest} is missing or damaged in ${root}`, { cause });
      });
      return (async function* () {
        yield bytes;
      })();
    },
  };

  /** Returns the record of an artifact; undefined if it is not stored. */
  get(digest: Digest): StoredArtifact | undefined {
    const record = this.#records.get(digest);
    if (record !== undefined) this.#asked.set(digest, this.#now().getTime());
    return record;
  }

  /** Returns what identifies a caller with some credentials in the notes of this store. */
  identify(credentials: string): string {
    return identify(credentials, this.#callerKey);
  }

  /** Returns the records of all artifacts. */
  list(): StoredArtifact[] {
    return [...this.#records.values()];
  }

  /**
   * Stores an artifact; if it is stored already, notes that it was pulled from this repository too.
   * Throws as writeDurably does.
   */
  put({ artifact, kind, signatures, ...note }: PulledArtifact): Promise<StoredArtifact> {
    const { descriptor, manifestBytes, blobs } = artifact;
    const content = [...blobs, { descriptor, bytes: manifestBytes }];
    // All in one turn: a removal in between would remove blobs that both need.
    return this.#inTurn(async () => {
      // Stored blobs are written again: it costs little, and repairs damaged ones.
      for (const blob of content) await this.#write(blobPath(this.#directories, blob.descriptor.digest), blob.bytes);
      const known = this.#records.get(descriptor.digest);
      const pulls = withNote(known?.pulls ?? [], note, this.#now(), signatures);
      const record = { descriptor, kind, pulls };
      await this.#writeRecord(record);
      this.#contents.set(
        descriptor.digest,
        content.map((blob) => blob.descriptor.digest),
      );
      return record;
    });
  }

  /**
   * Notes a pull of a stored artifact that needed no content from its registry. Writes only what is
   * new, and nothing if it is not stored. Throws as writeDurably does.
   */
  async note(digest: Digest, note: PullNote): Promise<void> {
    if (isNoted(this.#records.get(digest), note)) return;
    await this.#inTurn(async () => {
      const record = this.#records.get(digest);
      if (record === undefined || isNoted(record, note)) return;
      await this.#writeRecord({ ...record, pulls: withNote(record.pulls, note, this.#now()) });
    });
  }

  /** Removes an artifact, with the blobs that no other needs; does nothing if it is not stored. */
  remove(digest: Digest): Promise<void> {
    return this.#inTurn(async () => {
      const content = this.#contents.get(digest) ?? [];
      this.#records.delete(digest);
      this.#contents.delete(digest);
      this.#asked.delete(digest);
      await rm(recordPath(this.#directories, digest), { force: true });
      await syncDirectory(this.#directories.artifacts);
      // Blobs after their record. Those that a crash leaves are removed when the store is opened.
      const needed = new Set([...this.#contents.values()].flat());
      for (const blob of content) if (!needed.has(blob)) await rm(blobPath(this.#directories, blob), { force: true });
    });
  }

  /** Returns when an artifact was last asked for, or pulled; undefined if it is not stored. */
  lastUse(digest: Digest): Date | undefined {
    const record = this.#records.get(digest);
    return record === undefined ? undefined : new Date(this.#askedFor(record));
  }

  /**
   * If the artifacts that are not in `used` take more than 64 MiB, drops of them those that nobody
   * asked for in the last hour, or another time in milliseconds, the least recently asked for
   * first. Returns their digests. Rejects with the reason of the signal when that aborts.
   */
  async dropUnused(
    used: ReadonlySet<Digest>,
    { life = artifactLife, signal }: { readonly life?: number | undefined; readonly signal?: AbortSignal } = {},
  ): Promise<readonly Digest[]> {
    const unused = this.list()
      .filter(({ descriptor }) => !used.has(descriptor.digest))
      .map((record) => ({ digest: record.descriptor.digest, asked: this.#askedFor(record) }))
      .sort((a, b) => b.asked - a.asked);
    const oldest = this.#now().getTime() - life;
    const dropped: Digest[] = [];
    let room = unusedBytes;
    for (const { digest, asked } of unused) {
      room -= await this.sizeOf(digest);
      if (room >= 0 || asked >= oldest) continue;
      signal?.throwIfAborted();
      await this.remove(digest);
      dropped.push(digest);
    }
    return dropped;
  }

  /** Waits for the change that is under way, and unlocks the directory. */
  async close(): Promise<void> {
    await this.#change;
    this.#unlock();
  }

  /** Returns how many bytes an artifact and its record take. */
  async sizeOf(digest: Digest): Promise<number> {
    const blobs = (this.#contents.get(digest) ?? []).map((blob) => blobPath(this.#directories, blob));
    const sizes = [...blobs, recordPath(this.#directories, digest)].map(async (path) => {
      return (await stat(path).catch(() => undefined))?.size ?? 0;
    });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  #askedFor({ descriptor, pulls }: StoredArtifact): number {
    return this.#asked.get(descriptor.digest) ?? Math.max(...pulls.map(({ pulledAt }) => Date.parse(pulledAt) || 0));
  }

  async #writeRecord(record: StoredArtifact): Promise<void> {
    await this.#write(recordPath(this.#directories, record.descriptor.digest), renderRecord(record));
    this.#records.set(record.descriptor.digest, record);
  }

  #write(path: string, bytes: Uint8Array): Promise<void> {
    return writeDurably(path, bytes, { temporaryDirectory: this.#directories.temporary });
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#change.then(change);
    this.#change = done.catch(() => undefined);
    return done;
  }
}

/**
 * Opens the store in a directory, creates it if it does not exist, and repairs it after a crash.
 * `log` is called for what was damaged and removed. Throws Conflict if another process uses the
 * directory, and InvalidInput if others may write to it or it cannot be used.
 */
export async function openStore(
  directory: string,
  { log = () => undefined, now = () => new Date() }: { log?: StoreLog; now?: () => Date } = {},
): Promise<Store> {
  let unlock: (() => void) | undefined;
  try {
    const directories = await makeDirectories(directory);
    unlock = await lockDirectory(directories.root);
    const checked = await checkStore(directories, log);
    return new Store(directories, checked, { callerKey: await openCallerKey(directories), unlock, now });
  } catch (error) {
    unlock?.();
    if (error instanceof FairleadError) throw error;
    throw new FairleadError('InvalidInput', `cannot use the state directory ${directory}`, {
      cause: error,
      hint: 'Check that it is writable for this process, and not mounted read-only.',
      ...fileHint(error),
    });
  }
}
