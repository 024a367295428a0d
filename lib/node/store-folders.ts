import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { makeFolder } from '#lib/files/make-folder';
import { type Digest, digestParts } from '#lib/registry/digest';

/** Where things lie in the state folder. */
export interface StoreFolders {
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
}

/**
 * Makes the folders. All but `effective` are for the owner only; that one is readable, since the runtime need not run as the same user.
 * Throws InvalidInput where the root is another user's or others may write to it: they could put what they like where runtimes read.
 */
export async function makeFolders(root: string): Promise<StoreFolders> {
  const folders: StoreFolders = {
    root,
    temporary: join(root, 'tmp'),
    blobs: join(root, 'blobs'),
    artifacts: join(root, 'artifacts'),
    effective: join(root, 'effective'),
    uses: join(root, 'uses'),
  };
  await makeFolder(root, 0o711).catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `cannot make the state folder ${root}`, { cause, ...fileHint(cause) });
  });
  const { uid, mode } = await stat(root);
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
    throw new FairleadError('InvalidInput', `others than this user may write to the state folder ${root}`, {
      hint: `Take another folder, or, where nobody has put anything into it: chown and chmod 0711 ${root}`,
    });
  }
  for (const folder of [
    folders.temporary,
    folders.blobs,
    ...['sha256', 'sha512'].map((algorithm) => join(folders.blobs, algorithm)),
    folders.artifacts,
    folders.effective,
    folders.uses,
  ]) {
    await makeFolder(folder);
    await chmod(folder, folder === folders.effective ? 0o755 : 0o700);
  }
  return folders;
}

/** The file of a blob. */
export function blobPath({ blobs }: StoreFolders, digest: Digest): string {
  const { algorithm, hex } = digestParts(digest);
  return join(blobs, algorithm, hex);
}

/** The file of an artifact's record. */
export function recordPath({ artifacts }: StoreFolders, digest: Digest): string {
  return join(artifacts, `${digestParts(digest).hex}.json`);
}
