import { rm } from 'node:fs/promises';
import { FairleadError, isExhausted, toFairleadError } from '#lib/errors';
import { writeWhole } from '#lib/files/write-whole';

/**
 * Writes a file of the store whole or not at all, for its owner only; a directory in its place is
 * replaced. Throws LimitExceeded if the disk is full, Unavailable if too many files are open, and
 * Internal for other failures. Then nothing is left behind.
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array,
  { temporaryDirectory }: { readonly temporaryDirectory: string },
): Promise<void> {
  const options = { temporaryDirectory, mode: 0o600 };
  try {
    await writeWhole(path, bytes, options).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EISDIR') throw error;
      await rm(path, { recursive: true });
      await writeWhole(path, bytes, options);
    });
  } catch (error) {
    throw storageError(path, error);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function storageError(path: string, cause: unknown): FairleadError {
  if (isExhausted(cause)) return toFairleadError(cause);
  const code = codeOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new FairleadError('LimitExceeded', `${path}: no space left on its file system`, {
      cause,
      hint: 'Free some space on the file system of the state directory. No partial file was left there.',
    });
  }
  return new FairleadError(
    'Internal',
    `${path}: cannot be written: ${cause instanceof Error ? cause.message : cause}`,
    {
      cause,
      hint: 'Check that the state directory exists, is writable for this process, and is not mounted read-only.',
    },
  );
}
