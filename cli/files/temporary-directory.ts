import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';

/**
 * Creates a directory for temporary files that only this user can read, and returns its path.
 * Throws InvalidInput if it cannot be created.
 */
export async function temporaryDirectory(prefix: string): Promise<string> {
  const parent = tmpdir();
  return mkdtemp(join(parent, prefix)).catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `cannot create a temporary directory in ${parent}`, {
      cause,
      hint: 'Set TMPDIR to a directory that this process can write to.',
    });
  });
}
