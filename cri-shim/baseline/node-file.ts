import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { type FairleadError, isExhausted, toFairleadError } from '#lib/errors';

/** Maximum size of a file, in bytes. */
const longest = 1024 * 1024;
/** Extra space for files that are longer than their reported size. */
const spareBytes = 4096;

/**
 * Reads a regular file of the node, at most 1 MiB. Returns undefined if it does not exist. Follows
 * links, as the runtime does: only the administrator of the node can create them in the directories
 * of these files.
 *
 * @param fail returns the error to throw if the file cannot be read, for a reason.
 * @throws FairleadError Unavailable if too many files are open.
 */
export async function readNodeFile(
  path: string,
  fail: (reason: string, cause?: unknown) => FairleadError,
): Promise<Uint8Array | undefined> {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw isExhausted(cause) ? toFairleadError(cause) : fail('it cannot be opened', cause);
  });
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    if (!found.isFile()) throw fail('it is not a regular file');
    // The size is not sufficient: files of /proc report 0, and a file may grow.
    const bytes = Buffer.alloc(Math.min(found.size, longest) + spareBytes);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, null);
      if (bytesRead === 0) return bytes.subarray(0, filled);
      filled += bytesRead;
      if (filled > longest || filled === bytes.length) {
        throw fail(`it is too large, or grows while it is read: want at most ${longest} bytes`);
      }
    }
  } finally {
    await file.close();
  }
}
