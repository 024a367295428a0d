import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '#lib/artifact/artifact';
import { FairleadError, isExhausted, toFairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { syncFolder } from '#lib/files/write-whole';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Digest } from '#lib/registry/digest';
import type { Fetcher } from '#lib/registry/target';
import type { Signature } from '#lib/trust/signature/signature';
import { type CheckedStore, checkStore, readBlob, type StoreLog } from './check-store.ts';
import { writeDurably } from './durable-file.ts';
import { lockFolder } from './folder-lock.ts';
import { blobPath, makeFolders, recordPath, type StoreFolders } from './store-folders.ts';
import { renderRecord, type StoredArtifact } from './stored-artifact.ts';

/** How long an effective profile that nobody asks for stays, in milliseconds. */
const effectiveLife = 60 * 60 * 1000;

/**
 * How much room artifacts may take, with their signatures, that no container was made with and
 * nobody has asked for a while, in bytes.
 */
const unusedBytes = 64 * 1024 * 1024;
/**
 * How long an artifact stays after somebody asked for it, in milliseconds: a container may be on
 * its way.
 */
const artifactLife = 60 * 60 * 1000;

/** Of so many repositories, the latest, it is remembered that they have an artifact. */
const mostPulls = 32;

/** What a pull brought, all of it verified. */
export interface PulledArtifact {
  readonly artifact: Artifact;
  readonly kind: RuntimeKind;
  /** `registry/repository` that it came from, always in the same spelling. */
  readonly repository: string;
  readonly signatures: readonly Signature[];
}

/**
 * The node's store of verified artifacts and effective profiles: content-addressed files under one
 * folder. A record is written after everything that it names, and blobs are never changed, so that
 * the store is consistent at every instant. Callers put in only what they have verified.
 */
export interface Store {
  /** The record of an artifact; undefined where it is not there. */
  get(digest: Digest): StoredArtifact | undefined;
  list(): StoredArtifact[];
  /**
   * Reads content of artifacts that are there, as a registry would give it; digests are checked by
   * the reader.
   */
  readonly fetcher: Fetcher;
  /**
   * Keeps an artifact, or, where it is there already, that it was pulled from this repository too.
   */
  put(pulled: PulledArtifact): Promise<StoredArtifact>;
  /**
   * Forgets an artifact, with the blobs that no other needs; nothing happens where it is not there.
   */
  remove(digest: Digest): Promise<void>;
  /**
   * Keeps an effective profile and returns its path, for a runtime that runs as root or as this
   * user.
   */
  putEffective(bytes: Uint8Array): Promise<string>;
  /** Notes that a container or sandbox was made with an artifact. */
  putUse(id: string, digest: Digest): Promise<void>;
  /**
   * Which artifacts the containers and sandboxes that `alive` gives were made with; notes about
   * others are dropped. `alive` is asked after the notes are read: what is noted was there by then,
   * so what it does not give is gone, and not yet to come.
   */
  usesOf(alive: () => Promise<ReadonlySet<string>>): Promise<Set<Digest>>;
  /**
   * Drops the effective profiles that nobody asked for in the last hour; runtimes read them when
   * they make a container.
   */
  dropOldEffective(): Promise<void>;
  /**
   * Drops artifacts that are not in `used` and that nobody asked for in the last hour, those that
   * were asked for last the longest, where all that are not in `used` take more than 64 MiB.
   */
  dropUnused(used: ReadonlySet<Digest>): Promise<void>;
  /** Gives the folder back. */
  close(): Promise<void>;
}

/**
 * Opens the store in a folder, makes it where it is not there, and puts it in order after a crash.
 * Throws Conflict where another process has it open, and InvalidInput where others may write to it
 * or it cannot be used.
 */
export async function openStore(
  folder: string,
  { log = () => undefined, now = () => new Date() }: { log?: StoreLog; now?: () => Date } = {},
): Promise<Store> {
  let unlock: (() => void) | undefined;
  try {
    const folders = await makeFolders(folder);
    unlock = await lockFolder(folders.root);
    return new FolderStore(folders, await checkStore(folders, log), unlock, now);
  } catch (error) {
    unlock?.();
    if (error instanceof FairleadError) throw error;
    const hint = 'Check that it is whole, writable for this process, and not mounted read-only.';
    throw new FairleadError('InvalidInput', `the state folder ${folder} cannot be used`, {
      cause: error,
      hint,
      ...fileHint(error),
    });
  }
}

class FolderStore implements Store {
  readonly #folders: StoreFolders;
  readonly #records: CheckedStore['records'];
  readonly #contents: CheckedStore['contents'];
  readonly #unlock: () => void;
  readonly #now: () => Date;
  readonly #opened: number;
  /**
   * When each effective profile, by its file's name, and each artifact, by its digest, was last
   * asked for.
   */
  readonly #asked = new Map<string, number>();
  /** Changes of records happen one after the other. */
  #change: Promise<unknown> = Promise.resolve();

  constructor(folders: StoreFolders, { records, contents }: CheckedStore, unlock: () => void, now: () => Date) {
    this.#folders = folders;
    this.#records = records;
    this.#contents = contents;
    this.#unlock = unlock;
    this.#now = now;
    this.#opened = now().getTime();
  }

  readonly fetcher: Fetcher = {
    fetch: async (descriptor) => {
      const bytes = await readBlob(this.#folders, descriptor).catch((cause: unknown) => {
        if (isExhausted(cause)) throw toFairleadError(cause);
        throw new FairleadError('NotFound', `${descriptor.digest} is not whole in ${this.#folders.root}`, { cause });
      });
      return (async function* () {
        yield bytes;
      })();
    },
  };

  get(digest: Digest): StoredArtifact | undefined {
    const record = this.#records.get(digest);
    if (record !== undefined) this.#asked.set(digest, this.#now().getTime());
    return record;
  }

  list(): StoredArtifact[] {
    return [...this.#records.values()];
  }

  put({ artifact, kind, repository, signatures }: PulledArtifact): Promise<StoredArtifact> {
    const { descriptor, manifestBytes, blobs } = artifact;
    const content = [...blobs, { descriptor, bytes: manifestBytes }];
    // All in one turn: a removal in between would take blobs away that both need.
    return this.#inTurn(async () => {
      // What is there already is written again: it costs little, and mends what somebody damaged.
      for (const blob of content) {
        await this.#write(blobPath(this.#folders, blob.descriptor.digest), blob.bytes);
      }
      const known = this.#records.get(descriptor.digest);
      const pull = { repository, signatures, pulledAt: this.#now().toISOString() };
      const others = known?.pulls.filter((other) => other.repository !== repository) ?? [];
      const record: StoredArtifact = { descriptor, kind, pulls: [...others, pull].slice(-mostPulls) };
      await this.#write(recordPath(this.#folders, descriptor.digest), renderRecord(record));
      this.#records.set(descriptor.digest, record);
      this.#contents.set(
        descriptor.digest,
        content.map((blob) => blob.descriptor.digest),
      );
      return record;
    });
  }

  remove(digest: Digest): Promise<void> {
    return this.#inTurn(async () => {
      const content = this.#contents.get(digest) ?? [];
      this.#records.delete(digest);
      this.#contents.delete(digest);
      this.#asked.delete(digest);
      await rm(recordPath(this.#folders, digest), { force: true });
      await syncFolder(this.#folders.artifacts);
      // Blobs after their record. What a crash leaves of them goes when the store is next opened.
      const needed = new Set([...this.#contents.values()].flat());
      for (const blob of content) if (!needed.has(blob)) await rm(blobPath(this.#folders, blob), { force: true });
    });
  }

  async putEffective(bytes: Uint8Array): Promise<string> {
    const hex = createHash('sha256').update(bytes).digest('hex');
    const name = `${hex}.json`;
    const path = join(this.#folders.effective, name);
    this.#asked.set(name, this.#now().getTime());
    const present = await readFile(path).catch(() => undefined);
    if (present?.equals(bytes) !== true) await this.#write(path, bytes);
    return path;
  }

  async putUse(id: string, digest: Digest): Promise<void> {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(id)) {
      throw new FairleadError('InvalidInput', `not the id of a container: ${JSON.stringify(id.slice(0, 200))}`);
    }
    await this.#write(join(this.#folders.uses, id), Buffer.from(digest));
  }

  async usesOf(alive: () => Promise<ReadonlySet<string>>): Promise<Set<Digest>> {
    const used = new Set<Digest>();
    const noted = await readdir(this.#folders.uses);
    const living = await alive();
    for (const id of noted) {
      const path = join(this.#folders.uses, id);
      if (living.has(id)) used.add((await readFile(path, 'utf8')) as Digest);
      else await rm(path, { force: true });
    }
    return used;
  }

  async dropOldEffective(): Promise<void> {
    const oldest = this.#now().getTime() - effectiveLife;
    for (const name of await readdir(this.#folders.effective)) {
      if ((this.#asked.get(name) ?? this.#opened) > oldest) continue;
      this.#asked.delete(name);
      // In one go with the question: nobody can be given the path in between.
      rmSync(join(this.#folders.effective, name), { force: true, recursive: true });
    }
  }

  async dropUnused(used: ReadonlySet<Digest>): Promise<void> {
    const askedFor = ({ descriptor, pulls }: StoredArtifact): number =>
      this.#asked.get(descriptor.digest) ?? Math.max(...pulls.map(({ pulledAt }) => Date.parse(pulledAt) || 0));
    const unused = [...this.#records.values()]
      .filter(({ descriptor }) => !used.has(descriptor.digest))
      .map((record) => ({ digest: record.descriptor.digest, asked: askedFor(record) }))
      .sort((a, b) => b.asked - a.asked);
    const oldest = this.#now().getTime() - artifactLife;
    let room = unusedBytes;
    for (const { digest, asked } of unused) {
      room -= await this.#sizeOf(digest);
      if (room < 0 && asked < oldest) await this.remove(digest);
    }
  }

  async close(): Promise<void> {
    await this.#change;
    this.#unlock();
  }

  /** Bytes that an artifact and its record take. */
  async #sizeOf(digest: Digest): Promise<number> {
    const blobs = (this.#contents.get(digest) ?? []).map((blob) => blobPath(this.#folders, blob));
    const sizes = [...blobs, recordPath(this.#folders, digest)].map(async (path) => {
      return (await stat(path).catch(() => undefined))?.size ?? 0;
    });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  #write(path: string, bytes: Uint8Array): Promise<void> {
    return writeDurably(path, bytes, { temporaryFolder: this.#folders.temporary, mode: 0o600 });
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#change.then(change);
    this.#change = done.catch(() => undefined);
    return done;
  }
}
