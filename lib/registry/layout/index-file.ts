import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { makeDirectory } from '#lib/files/make-directory';
import { type Descriptor, type Index, mediaTypes } from '../descriptor.ts';
import { parseIndex } from '../manifest.ts';
import { fileError, fileErrorCode } from './file-error.ts';
import { withLock } from './lock.ts';
import { sweepIngest, writeFileWhole } from './write-file.ts';

/** Most bytes of an index.json: some 200,000 manifests. */
const indexBytesLimit = 64 * 1024 * 1024;

const layoutSchema = v.object({ imageLayoutVersion: v.literal('1.0.0') });

/** A pure change of the list of manifests; undefined leaves it unchanged. */
export type IndexChange = (manifests: readonly Descriptor[]) => readonly Descriptor[] | undefined;

/** A change that waits for the lock, and the promise of its caller. */
interface WaitingChange {
  readonly change: IndexChange;
  readonly then: () => Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The index.json of one layout (image-spec, image-layout.md). The directory and the files of the
 * layout are made at the first change.
 */
export class IndexFile {
  readonly #directory: string;
  readonly #path: string;
  #cached: { readonly stamp: string; readonly index: Index } | undefined;
  #waiting: WaitingChange[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #prepared = false;

  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, 'index.json');
  }

  /**
   * Reads its manifests; returns [] if there is no layout yet. Rejects with InvalidInput if it is
   * not an index.
   */
  async read(): Promise<readonly Descriptor[]> {
    return (await this.#readIndex()).manifests;
  }

  /**
   * Makes a change after all changes that were asked for before; resolves when it is on the disk.
   * `then` runs before anyone else can change the index.
   */
  change(change: IndexChange, then: () => Promise<void> = async () => undefined): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ change, then, resolve, reject }));
    this.#flushing = this.#flushing.then(() => this.#flush());
    return done;
  }

  async #readIndex(): Promise<Index> {
    const path = this.#path;
    try {
      const found = await stat(path, { bigint: true });
      const stamp = `${found.ino} ${found.mtimeNs} ${found.size}`;
      if (this.#cached?.stamp === stamp) return this.#cached.index;
      if (found.size > indexBytesLimit) throw new FairleadError('LimitExceeded', `${path}: has ${found.size} bytes`);
      const index = parseIndex(await readFile(path), path, indexBytesLimit);
      this.#cached = { stamp, index };
      return index;
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
      throw fileError(path, error);
    }
  }

  /** Writes all changes that wait at once: many pushes at the same time cost one write. */
  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    let taken: WaitingChange[] = [];
    try {
      await this.#prepare();
      await withLock(this.#directory, async () => {
        taken = this.#waiting;
        this.#waiting = [];
        const index = await this.#readIndex();
        let manifests = index.manifests;
        for (const { change } of taken) manifests = change(manifests) ?? manifests;
        if (manifests !== index.manifests) {
          const bytes = new TextEncoder().encode(JSON.stringify({ ...index, manifests }));
          await writeFileWhole(this.#directory, this.#path, bytes);
        }
        for (const { then } of taken) await then();
      });
      for (const { resolve } of taken) resolve();
    } catch (error) {
      for (const { reject } of taken.length > 0 ? taken : this.#waiting.splice(0)) reject(error);
    }
  }

  async #prepare(): Promise<void> {
    if (this.#prepared) return;
    const directory = this.#directory;
    await makeDirectory(directory).catch((error: unknown) => {
      throw fileError(directory, error);
    });
    const marker = join(directory, 'oci-layout');
    const text = await readFile(marker, 'utf8').catch((error: unknown) => {
      if (fileErrorCode(error) === 'ENOENT') return undefined;
      throw fileError(marker, error);
    });
    if (text === undefined)
      await writeFileWhole(directory, marker, new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}'));
    else checkLayout(marker, text);
    await sweepIngest(directory, Date.now());
    this.#prepared = true;
  }
}

function checkLayout(path: string, text: string): void {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `${path}: invalid JSON`, { cause });
  }
  if (!v.is(layoutSchema, json)) {
    throw new FairleadError('InvalidInput', `${path}: not an OCI image layout of version 1.0.0`);
  }
}
