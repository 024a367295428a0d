import { rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FairleadError, isExhausted, toFairleadError } from '#lib/errors';
import { syncDirectory, writeWhole } from '#lib/files/write-whole';

/**
 * Writes a file of the store whole or not at all, for its owner only, and flushes it unless
 * `flush` is false. A directory in its place is replaced, and directories that were removed are
 * made again. Throws LimitExceeded if the disk is full, Unavailable if too many files are open, and
 * Internal for other failures. Then nothing is left behind.
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array,
  { temporaryDirectory, flush = true }: { readonly temporaryDirectory: string; readonly flush?: boolean },
): Promise<void> {
  const write = () => writeWhole(path, bytes, { temporaryDirectory, mode: 0o600, flush });
  try {
    await write().catch(async (error: unknown) => {
      if (codeOf(error) === 'EISDIR') await rm(path, { recursive: true });
      else if (codeOf(error) === 'ENOENT') await makeAgain(temporaryDirectory, dirname(path));
      else throw error;
      await write();
    });
  } catch (error) {
    throw storageError(path, 'written', error);
  }
}

/**
 * Removes a file of the store, if it exists, and flushes that. Throws Unavailable if too many files
 * are open, and Internal for other failures.
 */
export async function removeDurably(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await syncDirectory(dirname(path));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw storageError(path, 'removed', error);
  }
}

/**
 * Removes a file, or what is in its place, before other work has its turn; does nothing if it does
 * not exist. A crash of the machine may bring it back. Throws as {@link removeDurably} does.
 */
export function removeNow(path: string): void {
  try {
    rmSync(path, { force: true, recursive: true });
  } catch (error) {
    throw storageError(path, 'removed', error);
  }
}

async function makeAgain(...directories: readonly string[]): Promise<void> {
  for (const directory of directories) await mkdir(directory, { recursive: true, mode: 0o700 });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function storageError(path: string, what: 'written' | 'removed', cause: unknown): FairleadError {
  if (isExhausted(cause)) return toFairleadError(cause);
  const code = codeOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new FairleadError('LimitExceeded', `${path}: no space left on its file system`, {
      cause,
      local: true,
      hint: 'Free some space on the file system of the state directory. No partial file was left there.',
    });
  }
  return new FairleadError(
    'Internal',
    `${path}: cannot be ${what}: ${cause instanceof Error ? cause.message : cause}`,
    {
      cause,
      hint: 'Check that the state directory exists, is writable for this process, and is not mounted read-only.',
    },
  );
}
