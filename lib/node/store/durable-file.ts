import { rm } from 'node:fs/promises';
import { FairleadError, isExhausted, toFairleadError } from '#lib/errors';
import { writeWhole } from '#lib/files/write-whole';

/**
 * Writes a file of the store whole or not at all, also over a folder that somebody has put in its
 * place. Throws LimitExceeded where the disk is full, Unavailable where too many files are open,
 * Internal for other failures; nothing is left behind then.
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array,
  options: { readonly temporaryFolder: string; readonly mode: number },
): Promise<void> {
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
    return new FairleadError('LimitExceeded', `${path}: no space left to store it`, {
      cause,
      hint: 'Free some space on the file system of the state folder; nothing half-written was left there.',
    });
  }
  return new FairleadError(
    'Internal',
    `${path}: cannot be written: ${cause instanceof Error ? cause.message : cause}`,
    {
      cause,
      hint: 'Check that the state folder exists, is writable for this process, and is not mounted read-only.',
    },
  );
}
