import type { Stats } from 'node:fs';
import { chmod, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { makeDirectory } from '#lib/files/make-directory';
import { type Digest, digestAlgorithms, digestParts } from '#lib/registry/digest';

/** Where things lie in the state directory. */
export interface StoreDirectories {
  readonly root: string;
  /** Files that are being written; nothing in it counts. */
  readonly temporary: string;
  /** Content of artifacts, by algorithm and digest. */
  readonly blobs: string;
  /** One record for each artifact. */
  readonly artifacts: string;
  /** Effective profiles: what a runtime reads. */
  readonly effective: string;
  /** Which container or sandbox was made with which artifact. */
  readonly uses: string;
  /** The key by which callers are identified. */
  readonly callers: string;
}

/** The directories that hold files, and nothing else. */
export function leafDirectories({ temporary, blobs, ...others }: Omit<StoreDirectories, 'root'>): readonly string[] {
  const { artifacts, effective, uses, callers } = others;
  return [
    temporary,
    ...digestAlgorithms.map((algorithm) => join(blobs, algorithm)),
    artifacts,
    effective,
    uses,
    callers,
  ];
}

/**
 * Makes the directories, for the owner only: who can open the lock can hold it. A runtime reads
 * effective profiles as root, or rootless as the user of the shim. A directory that others can
 * read, as older releases made them, is tightened. Paths in it are absolute and lead over no link:
 * runtimes are handed some, and have another working directory. Throws InvalidInput if the root or
 * a directory in it is another user's, or others may write to the root: they could put what they
 * like into the files that runtimes read, or have done so.
 */
export async function makeDirectories(directory: string): Promise<StoreDirectories> {
  await makeDirectory(directory, 0o700).catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `cannot make the state directory ${directory}`, {
      cause,
      ...fileHint(cause),
    });
  });
  // Not resolved by its name alone: what `..` stands for depends on the links before it.
  const root = await realpath(directory);
  const directories: StoreDirectories = {
    root,
    temporary: join(root, 'tmp'),
    blobs: join(root, 'blobs'),
    artifacts: join(root, 'artifacts'),
    effective: join(root, 'effective'),
    uses: join(root, 'uses'),
    callers: join(root, 'callers'),
  };
  if (((await ownDirectory(root, root)).mode & 0o022) !== 0) throw writableByOthers(root, root);
  await chmod(root, 0o700);
  for (const directory of [directories.blobs, ...leafDirectories(directories)]) {
    await makeDirectory(directory, 0o700);
    await ownDirectory(directory, root);
    await chmod(directory, 0o700);
  }
  return directories;
}

/** Looks at a directory of the store. Throws InvalidInput if it is another user's. */
async function ownDirectory(directory: string, root: string): Promise<Stats> {
  const found = await stat(directory);
  if (found.uid !== process.getuid?.()) throw writableByOthers(directory, root);
  return found;
}

function writableByOthers(directory: string, root: string): FairleadError {
  return new FairleadError('InvalidInput', `others than this user may write to the state directory ${directory}`, {
    hint: `Use another directory, or, if no other user has put anything into it: chown -R and chmod -R go= ${root}`,
  });
}

/** The file of a blob. */
export function blobPath({ blobs }: StoreDirectories, digest: Digest): string {
  const { algorithm, hex } = digestParts(digest);
  return join(blobs, algorithm, hex);
}

/** The file of an artifact's record. */
export function recordPath({ artifacts }: StoreDirectories, digest: Digest): string {
  return join(artifacts, `${digestParts(digest).hex}.json`);
}
