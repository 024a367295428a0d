import { stat } from 'node:fs/promises';
import { FairleadError } from '#lib/errors';

/**
 * Verifies that a path leads to a regular file, or to nothing. A pipe would be waited for without
 * end, in a thread that no other work can use then, and a device may have no end. Throws
 * InvalidInput.
 */
export async function requireFile(path: string): Promise<void> {
  // The caller that reads it reports a missing file better.
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile()) return;
  throw new FairleadError('InvalidInput', `${path} is not a regular file`, {
    hint: 'Write the content to a regular file: a pipe or a device cannot be read again.',
  });
}
