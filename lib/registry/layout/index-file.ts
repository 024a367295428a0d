import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { makeFolder } from '#lib/files/make-folder';
import { type Descriptor, type Index, mediaTypes } from '../descriptor.ts';
import { parseIndex } from '../manifest.ts';
import { fileError, fileErrorCode } from './file-error.ts';
import { withLock } from './lock.ts';
import { sweepIngest, writeFileWhole } from './write-file.ts';

/** Most bytes of an index.json: some 200,000 manifests. */
const indexBytesLimit = 64 * 1024 * 1024;

const layoutSchema = v.object({ imageLayoutVersion: v.literal('1.0.0') });

/** A pure change of the list of manifests; undefined leaves it as it is. */
export type IndexChange = (manifests: readonly Descriptor[]) => readonly Descriptor[] | undefined;

/** index.json of one layout (image-spec, image-layout.md). */
export interface IndexFile {
  /**
   * Its manifests; [] where there is no layout yet. Rejects with InvalidInput where it is not one.
   */
  read(): Promise<readonly Descriptor[]>;
  /**
   * Changes it, after all changes that others made before; resolves when the change is on the disk.
   * What is to be done before anybody else changes it is done by `then`.
   */
  change(change: IndexChange, then?: () => Promise<void>): Promise<void>;
}

/** A change that waits for the lock, with whoever waits for it. */
interface WaitingChange {
  readonly change: IndexChange;
  readonly then: () => Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Opens the index of the layout in a folder; the folder and the layout's files are made at the
 * first change.
 */
export function openIndexFile(folder: string): IndexFile {
  const path = join(folder, 'index.json');
  let cached: { readonly stamp: string; readonly index: Index } | undefined;
  let waiting: WaitingChange[] = [];
  let flushing: Promise<void> = Promise.resolve();
  let prepared = false;

  const readIndex = async (): Promise<Index> => {
    try {
      const found = await stat(path, { bigint: true });
      const stamp = `${found.ino} ${found.mtimeNs} ${found.size}`;
      if (cached?.stamp === stamp) return cached.index;
      if (found.size > indexBytesLimit) throw new FairleadError('LimitExceeded', `${path}: has ${found.size} bytes`);
      const index = parseIndex(await readFile(path), path, indexBytesLimit);
      cached = { stamp, index };
      return index;
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
      throw fileError(path, error);
    }
  };

  const prepare = async (): Promise<void> => {
    if (prepared) return;
    await makeFolder(folder).catch((error: unknown) => {
      throw fileError(folder, error);
    });
    const marker = join(folder, 'oci-layout');
    const text = await readFile(marker, 'utf8').catch((error: unknown) => {
      if (fileErrorCode(error) === 'ENOENT') return undefined;
      throw fileError(marker, error);
    });
    if (text === undefined)
      await writeFileWhole(folder, marker, new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}'));
    else checkLayout(marker, text);
    await sweepIngest(folder, Date.now());
    prepared = true;
  };

  /** Writes all changes that wait, in one go: many pushes at once cost one write. */
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return;
    let taken: typeof waiting = [];
    try {
      await prepare();
      await withLock(folder, async () => {
        taken = waiting;
        waiting = [];
        const index = await readIndex();
        let manifests = index.manifests;
        for (const { change } of taken) manifests = change(manifests) ?? manifests;
        if (manifests !== index.manifests) {
          const bytes = new TextEncoder().encode(JSON.stringify({ ...index, manifests }));
          await writeFileWhole(folder, path, bytes);
        }
        for (const { then } of taken) await then();
      });
      for (const { resolve } of taken) resolve();
    } catch (error) {
      for (const { reject } of taken.length > 0 ? taken : waiting.splice(0)) reject(error);
    }
  };

  return {
    async read() {
      return (await readIndex()).manifests;
    },
    change(change, then = async () => undefined) {
      const done = new Promise<void>((resolve, reject) => waiting.push({ change, then, resolve, reject }));
      flushing = flushing.then(flush);
      return done;
    },
  };
}

function checkLayout(path: string, text: string): void {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `${path}: not JSON`, { cause });
  }
  if (!v.is(layoutSchema, json)) {
    throw new FairleadError('InvalidInput', `${path}: not an OCI image layout of version 1.0.0`);
  }
}
