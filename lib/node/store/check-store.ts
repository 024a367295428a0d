import { createHash } from 'node:crypto';
import { chmod, lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isExhausted } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, digestOf, digestParts } from '#lib/registry/digest';
import { parseManifest } from '#lib/registry/manifest';
import { blobPath, leafDirectories, recordPath, type StoreDirectories } from './store-directories.ts';
import { parseRecord, type StoredArtifact } from './stored-artifact.ts';

/** How many artifacts are read at the same time: pods cannot start until all are. */
const checkedAtOnce = 16;

/** Called for what was damaged and removed. */
export type StoreLog = (message: string) => void;

/** What holds in a state directory, by the digest of the artifact. */
export interface CheckedStore {
  readonly records: Map<Digest, StoredArtifact>;
  /** All content that the artifact is made of. */
  readonly contents: Map<Digest, readonly Digest[]>;
}

/**
 * Repairs a state directory after its last user has ended in any way, and returns what is valid:
 * half-written files go, a record whose blobs are not there whole goes, blobs that no record needs
 * go, effective profiles that are not what their name says go. So does what no store writes: a
 * directory or a link in the place of a file, and files that others own or may write to.
 */
export async function checkStore(directories: StoreDirectories, log: StoreLog): Promise<CheckedStore> {
  for (const name of await readdir(directories.temporary))
    await rm(join(directories.temporary, name), { recursive: true });
  for (const directory of leafDirectories(directories)) await keepOwnFiles(directory, log);
  const records = new Map<Digest, StoredArtifact>();
  const contents = new Map<Digest, readonly Digest[]>();
  let unread = 0;
  const check = async (name: string): Promise<void> => {
    const path = join(directories.artifacts, name);
    try {
      const record = parseRecord(await readFile(path));
      if (recordPath(directories, record.descriptor.digest) !== path) throw new Error('it stands under another name');
      contents.set(record.descriptor.digest, await checkContent(directories, record));
      records.set(record.descriptor.digest, record);
    } catch (error) {
      const reason = `it will be pulled again when needed: ${error instanceof Error ? error.message : error}`;
      if (isDamage(error)) {
        log(`${path}: removed, ${reason}`);
        await rm(path, { recursive: true });
        return;
      }
      if (isExhausted(error)) throw error;
      unread++;
      log(`${path}: left as it is and not used, since it cannot be read; ${reason}`);
    }
  };
  const names = await readdir(directories.artifacts);
  for (let next = 0; next < names.length; next += checkedAtOnce) {
    await Promise.all(names.slice(next, next + checkedAtOnce).map(check));
  }
  // What a record needs that could not be read is not known.
  if (unread === 0) {
    await removeOrphans(
      directories,
      new Set([...contents.values()].flat().map((digest) => blobPath(directories, digest))),
    );
  }
  await checkEffective(directories, log);
  return { records, contents };
}

/** Codes of the file system for what does not exist, or is not a file. */
const codesOfDamage: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP']);

/**
 * Says whether an error in reading a file shows that its content is not there or not whole, and not
 * that it cannot be read for now: the process may have too many files open, or the disk may fail.
 */
function isDamage(error: unknown): boolean {
  return !(error instanceof Error && 'code' in error) || codesOfDamage.has(error.code);
}

/** The digests of all content of an artifact, each checked against the disk. */
async function checkContent(directories: StoreDirectories, { descriptor }: StoredArtifact): Promise<Digest[]> {
  const manifest = parseManifest(await readBlob(directories, descriptor), 'its manifest');
  const blobs = [manifest.config, ...manifest.layers];
  for (const blob of blobs) await readBlob(directories, blob);
  return [descriptor.digest, ...blobs.map(({ digest }) => digest)];
}

/** Reads a blob whole; throws if it does not match its digest. */
export async function readBlob(directories: StoreDirectories, { digest, size }: Descriptor): Promise<Uint8Array> {
  const bytes = await readFile(blobPath(directories, digest));
  if (bytes.length !== size || digestOf(bytes, digestParts(digest).algorithm) !== digest) {
    throw new Error(`blob ${digest} is damaged`);
  }
  return bytes;
}

/**
 * Removes what is not a file of this user's alone: a directory in the place of a blob would stay in
 * its way for ever, and whoever has a file open for writing can still change it. What others can
 * read, as older releases wrote it, is tightened.
 */
async function keepOwnFiles(directory: string, log: StoreLog): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const found = await lstat(path);
    if (found.isFile() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0) {
      if ((found.mode & 0o077) !== 0) await chmod(path, 0o600);
      continue;
    }
    log(`${path}: removed, ${found.isFile() ? 'others than this user may write to it' : 'it is not a file'}`);
    await rm(path, { recursive: true });
  }
}

async function removeOrphans(directories: StoreDirectories, needed: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(directories.blobs, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory() && !needed.has(path)) await rm(path);
  }
}

async function checkEffective({ effective }: StoreDirectories, log: StoreLog): Promise<void> {
  for (const name of await readdir(effective)) {
    const path = join(effective, name);
    const bytes = await readFile(path).catch((error: unknown) => {
      if (isExhausted(error)) throw error;
      return undefined;
    });
    if (bytes !== undefined && name === `${createHash('sha256').update(bytes).digest('hex')}.json`) continue;
    log(`${path}: removed, its content does not match its name`);
    await rm(path, { recursive: true });
  }
}
