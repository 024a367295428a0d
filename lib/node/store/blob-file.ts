import { constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Descriptor } from '#lib/registry/descriptor';
import { digestOf, digestParts } from '#lib/registry/digest';
import { blobPath, type StoreDirectories } from './store-directories.ts';

/** Opens no link, and does not wait for the other end of a pipe. */
const flag = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Reads a blob whole; throws if it does not match its digest. */
export async function readBlob(directories: StoreDirectories, { digest, size }: Descriptor): Promise<Uint8Array> {
  const bytes = await readFile(blobPath(directories, digest), { flag });
  if (bytes.length !== size || digestOf(bytes, digestParts(digest).algorithm) !== digest) {
    throw new Error(`blob ${digest} is damaged`);
  }
  return bytes;
}

/** Codes of the file system for what does not exist, or is not a file. */
const codesOfDamage: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO']);

/**
 * Reports whether an error in reading a file shows that its content is not there or not whole, and
 * not that it cannot be read for now: the process may have too many files open, or the disk may
 * fail.
 */
export function isDamage(error: unknown): boolean {
  return !(error instanceof Error && 'code' in error) || codesOfDamage.has(error.code);
}
