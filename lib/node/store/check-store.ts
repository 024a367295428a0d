import { chmodSync, lstatSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, digestAlgorithms } from '#lib/registry/digest';
import { parseManifest } from '#lib/registry/manifest';
import { readBlob } from './blob-file.ts';
import { directoryEntries } from './directory-entries.ts';
import { isReadableByOthers, notOwnFile } from './own-file.ts';
import { removeDamaged, type StoreLog } from './remove-damaged.ts';
import type { StoreDirectories } from './store-directories.ts';

/** How many files are looked at before other work has its turn. */
const lookedAtOnce = 128;

/**
 * Does what must be done before a state directory is used, after its last user has ended in any
 * way: removes half-written files, and of the few files that are not verified when they are read,
 * those that are not this user's alone.
 */
export async function prepareStore({ temporary, uses, callers }: StoreDirectories, log: StoreLog): Promise<void> {
  for (const name of await readdir(temporary)) await rm(join(temporary, name), { recursive: true });
  for (const directory of [uses, callers]) {
    for (const name of await readdir(directory)) keepOwnFile(join(directory, name), log);
  }
}

/**
 * Removes what is not a file of this user's alone among the blobs: a directory in the place of a
 * blob takes space and is in its way, and who has a file open for writing can still change it. What
 * others can read is tightened. `inTurn` excludes that a blob is written at the same time.
 */
export async function keepOwnBlobs(
  { blobs }: StoreDirectories,
  inTurn: (look: () => void) => Promise<void>,
  log: StoreLog,
): Promise<void> {
  for (const algorithm of digestAlgorithms) {
    const directory = join(blobs, algorithm);
    const names = await directoryEntries(directory);
    for (let next = 0; next < names.length; next += lookedAtOnce) {
      const looked = names.slice(next, next + lookedAtOnce);
      await inTurn(() => {
        for (const name of looked) keepOwnFile(join(directory, name), log);
      });
    }
  }
}

/** Removes what is not a file of this user's alone, and logs that. */
function keepOwnFile(path: string, log: StoreLog): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  const problem = notOwnFile(found);
  if (problem !== undefined) removeDamaged(path, problem, log);
  else if (isReadableByOthers(found)) chmodSync(path, 0o600);
}

/**
 * Returns the digests of all content of an artifact, by its manifest. Throws if the manifest is
 * missing or damaged.
 */
export async function contentOf(directories: StoreDirectories, descriptor: Descriptor): Promise<Descriptor[]> {
  const manifest = parseManifest(await readBlob(directories, descriptor), 'its manifest');
  return [descriptor, manifest.config, ...manifest.layers];
}

/** Returns as contentOf, and reads all of it. Throws if a part is missing or damaged. */
export async function checkContent(directories: StoreDirectories, descriptor: Descriptor): Promise<Descriptor[]> {
  const [, ...blobs] = await contentOf(directories, descriptor);
  for (const blob of blobs) await readBlob(directories, blob);
  return [descriptor, ...blobs];
}

/** Removes the blobs that are not needed, and what else is there. */
export async function removeOrphans({ blobs }: StoreDirectories, needed: Iterable<Digest>): Promise<void> {
  const kept = new Set<string>(needed);
  for (const name of await directoryEntries(blobs)) {
    if (!isAlgorithm(name)) {
      await rm(join(blobs, name), { recursive: true });
      continue;
    }
    for (const hex of await directoryEntries(join(blobs, name))) {
      if (!kept.has(`${name}:${hex}`)) await rm(join(blobs, name, hex), { recursive: true });
    }
  }
}

function isAlgorithm(name: string): boolean {
  return digestAlgorithms.some((algorithm) => algorithm === name);
}
