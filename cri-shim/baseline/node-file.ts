import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { type FairleadError, isExhausted, toFairleadError } from '#lib/errors';

/** Longest file that is read, in bytes. */
const longest = 1024 * 1024;
/** Room for files that are longer than their size. */
const spareBytes = 4096;

/**
 * Reads a regular file of the node whole, at most 1 MiB; returns undefined if it does not exist.
 * Links are followed, as the runtime follows them: only the node's administrator can create them
 * in the directories of these files.
 *
 * @param fail makes the error that is thrown for a file that cannot be read, of the reason.
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
    if (!found.isFile()) throw fail('it is not a file');
    // Not by its size alone: files of /proc report none, and a file may grow.
    const bytes = Buffer.alloc(Math.min(found.size, longest) + spareBytes);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, null);
      if (bytesRead === 0) return bytes.subarray(0, filled);
      filled += bytesRead;
      if (filled > longest || filled === bytes.length) {
        throw fail(`it has more than the ${longest} bytes allowed, or grows while it is read`);
      }
    }
  } finally {
    await file.close();
  }
}
