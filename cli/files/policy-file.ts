import { stat } from 'node:fs/promises';
import type { Policy } from '#lib/trust/policy/node-policy';
import { unreadable } from './files.ts';

/**
 * Loads a policy that must be present. A node takes a missing policy for one that denies
 * everything; for a person who names it on the command line, it is a mistake. Throws InvalidInput
 * if it cannot be read, and as loadPolicy.
 */
export async function loadPresentPolicy(file: string): Promise<Policy> {
  const { loadPolicy } = await import('#lib/trust/policy/load-policy');
  await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  return loadPolicy(file);
}
