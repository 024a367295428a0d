import { stat } from 'node:fs/promises';
import type { Artifact } from '#lib/artifact/artifact';
import { FairleadError, isExhausted, toFairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Digest } from '#lib/registry/digest';
import type { Fetcher } from '#lib/registry/target';
import type { Signature } from '#lib/trust/signature/signature';
import { isDamage, readBlob } from './blob-file.ts';
import { identify, openCallerKey } from './caller-key.ts';
import { prepareStore } from './check-store.ts';
import { Contents } from './contents.ts';
import { lockDirectory } from './directory-lock.ts';
import { removeDurably, writeDurably } from './durable-file.ts';
import { EffectiveFiles } from './effective-files.ts';
import { isNoted, type PullNote, withNote } from './pull-note.ts';
import { Records, recordedDigests } from './records.ts';
import type { StoreLog } from './remove-damaged.ts';
import { blobPath, makeDirectories, recordPath, type StoreDirectories } from './store-directories.ts';
import { renderRecord, type StoredArtifact } from './stored-artifact.ts';
import { Uses } from './uses.ts';

/**
 * How many bytes artifacts may take, with their signatures, that no container was created with and
 * that were not asked for lately.
 */
const unusedBytes = 64 * 1024 * 1024;
/**
 * How long an artifact stays after it was last asked for, in milliseconds: a container may be about
 * to be created.
 */
const artifactLife = 60 * 60 * 1000;

/** The result of a pull, all of it verified. */
export interface PulledArtifact extends PullNote {
  readonly artifact: Artifact;
  readonly kind: RuntimeKind;
  readonly signatures: readonly Signature[];
}

/** What a store works with. */
export interface StoreDependencies extends Required<StoreOptions> {
  readonly callerKey: Uint8Array;
  readonly unlock: () => void;
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
  readonly #records: Records;
  readonly #contents: Contents;
  readonly #callerKey: Uint8Array;
  readonly #unlock: () => void;
  readonly #log: StoreLog;
  readonly #now: () => Date;
  readonly #clock: () => number;
  readonly #opened: number;
  /** When each artifact was last asked for, by `#clock` and by `#now`. */
  readonly #asked = new Map<Digest, { readonly clock: number; readonly date: Date }>();
  /** Changes of records happen one after the other. */
  #change: Promise<unknown> = Promise.resolve();

  /** Takes what {@link openStore} has prepared. `recorded` has the digests of all records. */
  constructor(
    directories: StoreDirectories,
    recorded: readonly Digest[],
    { callerKey, unlock, log, now, clock }: StoreDependencies,
  ) {
    this.#directories = directories;
    this.#records = new Records(directories, recorded, log);
    this.#contents = new Contents(recorded, {
      ...{ directories, records: this.#records, log },
      inTurn: (change) => this.#inTurn(change),
    });
    this.#callerKey = callerKey;
    this.#unlock = unlock;
    this.#log = log;
    this.#now = now;
    this.#clock = clock;
    this.#opened = clock();
    this.effective = new EffectiveFiles(directories, clock);
    this.uses = new Uses(directories);
  }

  /**
   * Reads content of stored artifacts as a registry would return it; the reader checks digests.
   * Rejects with NotFound for content that is missing or damaged; the artifacts that have it are
   * removed then.
   */
  readonly fetcher: Fetcher = {
    fetch: async (descriptor) => {
      const bytes = await readBlob(this.#directories, descriptor).catch((cause: unknown) => {
        if (isExhausted(cause)) throw toFairleadError(cause);
        if (isDamage(cause)) this.#contents.checkAgain(descriptor.digest);
        const { root } = this.#directories;
        throw new FairleadError('NotFound', `${descriptor.digest} is missing or damaged in ${root}`, { cause });
      });
      return (async function* () {
        yield bytes;
      })();
    },
  };

  /**
   * Returns the record of an artifact; undefined if it is not stored. Throws Unavailable if too
   * many files are open.
   */
  get(digest: Digest): StoredArtifact | undefined {
    const record = this.#records.get(digest);
    if (record !== undefined) this.#asked.set(digest, { clock: this.#clock(), date: this.#now() });
    return record;
  }

  /** Returns what identifies a caller with some credentials in the notes of this store. */
  identify(credentials: string): string {
    return identify(credentials, this.#callerKey);
  }

  /** Returns the records of all artifacts. Rejects with Unavailable if too many files are open. */
  list(): Promise<StoredArtifact[]> {
    return this.#records.list();
  }

  /**
   * Verifies what was there when the store was opened and was not used since: what is used is
   * verified then. Removes, and logs, artifacts and effective profiles that are damaged, and files
   * that are not this user's alone; removes blobs that no artifact needs. Can run while the store
   * is used, and again. Rejects with the reason of the signal, and with Unavailable if too many
   * files are open; the next check continues then.
   */
  async check(signal?: AbortSignal): Promise<void> {
    await this.#contents.check(signal);
    await this.effective.check(this.#log, signal);
  }

  /**
   * Stores an artifact; if it is stored already, notes that it was pulled from this repository too.
   * Throws as writeDurably does.
   */
  put({ artifact, kind, signatures, ...note }: PulledArtifact): Promise<StoredArtifact> {
    const { descriptor, manifestBytes, blobs } = artifact;
    const content = [...blobs, { descriptor, bytes: manifestBytes }];
    const parts = content.map((blob) => blob.descriptor);
    // All in one turn: a removal in between would remove blobs that both need.
    return this.#inTurn(async () => {
      try {
        // Stored blobs are written again: it costs little, and repairs damaged ones.
        for (const { descriptor, bytes } of content)
          await this.#write(blobPath(this.#directories, descriptor.digest), bytes);
        const known = this.#records.get(descriptor.digest);
        const pulls = withNote(known?.pulls ?? [], note, this.#now(), signatures);
        const record = { descriptor, kind, pulls };
        await this.#writeRecord(record);
        this.#contents.add(descriptor.digest, parts);
        return record;
      } catch (error) {
        // What cannot be removed now is removed by a check.
        await this.#contents.removeUnneeded(parts).catch((left: Error) => this.#log(left.message));
        throw error;
      }
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

  /**
   * Removes an artifact; does nothing if it is not stored. The blobs that no other needs are
   * removed with it, or by {@link check} if that has not yet verified all artifacts.
   */
  remove(digest: Digest): Promise<void> {
    return this.#inTurn(async () => {
      await removeDurably(recordPath(this.#directories, digest));
      this.#records.forget(digest);
      this.#asked.delete(digest);
      // Blobs after their record. Those that a crash leaves are removed by the next check.
      await this.#contents.remove(digest);
    });
  }

  /** Returns when an artifact was last asked for, or pulled; undefined if it is not stored. */
  lastUse(digest: Digest): Date | undefined {
    const record = this.#records.get(digest);
    if (record === undefined) return undefined;
    return this.#asked.get(digest)?.date ?? new Date(pulledAt(record));
  }

  /**
   * If the artifacts that are not in `used` take more than 64 MiB, drops of them those that were
   * not asked for in the last hour, or another time in milliseconds, the least recently asked for
   * first. Returns their digests. Rejects with the reason of the signal when that aborts.
   */
  async dropUnused(
    used: ReadonlySet<Digest>,
    { life = artifactLife, signal }: { readonly life?: number | undefined; readonly signal?: AbortSignal } = {},
  ): Promise<readonly Digest[]> {
    const unused = (await this.list())
      .filter(({ descriptor }) => !used.has(descriptor.digest))
      .map((record) => ({
        digest: record.descriptor.digest,
        // The time of the node may jump: it only orders what was not asked for since the start.
        asked: this.#asked.get(record.descriptor.digest)?.clock ?? this.#opened,
        pulled: pulledAt(record),
      }))
      .sort((a, b) => b.asked - a.asked || b.pulled - a.pulled);
    const oldest = this.#clock() - life;
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
    const record = await stat(recordPath(this.#directories, digest)).catch(() => undefined);
    return (record?.size ?? 0) + (await this.#contents.sizeOf(digest));
  }

  async #writeRecord(record: StoredArtifact): Promise<void> {
    await this.#write(recordPath(this.#directories, record.descriptor.digest), renderRecord(record));
    this.#records.set(record);
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

/** Returns when an artifact was last pulled, in milliseconds since 1970. */
function pulledAt({ pulls }: StoredArtifact): number {
  return Math.max(...pulls.map((pull) => Date.parse(pull.pulledAt) || 0));
}

/** What openStore accepts. */
export interface StoreOptions {
  /** Called for what was damaged and removed. */
  readonly log?: StoreLog;
  readonly now?: () => Date;
  /** Milliseconds that only increase. */
  readonly clock?: () => number;
}

/**
 * Opens the store in a directory, creates it if it does not exist, and removes what a crash left
 * half-written. {@link Store.check} verifies the rest. Throws Conflict if another process uses the
 * directory, and InvalidInput if others may write to it or it cannot be used.
 */
export async function openStore(
  directory: string,
  { log = () => undefined, now = () => new Date(), clock = () => performance.now() }: StoreOptions = {},
): Promise<Store> {
  let unlock: (() => void) | undefined;
  try {
    const directories = await makeDirectories(directory);
    unlock = await lockDirectory(directories.root);
    await prepareStore(directories, log);
    const recorded = await recordedDigests(directories, log);
    const callerKey = await openCallerKey(directories);
    return new Store(directories, recorded, { callerKey, unlock, log, now, clock });
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
