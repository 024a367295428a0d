import { FairleadError } from '#lib/errors';
import type { RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { readNodeFile } from '../baseline/node-file.ts';

/**
 * Reads a profile of a kind from a file of the node, at most 1 MiB. Follows links, because the
 * Security Profiles Operator creates them below the seccomp root. Throws ProfileInvalid if the file
 * is missing, cannot be read, or is not a profile of this kind.
 */
export async function readBaseProfile(path: string, kind: RuntimeKind): Promise<RuntimeProfile> {
  const bytes = await readNodeFile(path, (reason, cause) => invalid(path, reason, cause));
  if (bytes === undefined) throw invalid(path, 'it does not exist');
  const profile = readProfile(bytes, `base profile ${path}`);
  if (profile.kind === kind) return profile as RuntimeProfile;
  throw invalid(path, `it is a profile of kind ${profile.kind}, want ${kind}`);
}

function invalid(path: string, reason: string, cause?: unknown): FairleadError {
  return new FairleadError('ProfileInvalid', `base profile ${path}: ${reason}`, {
    cause,
    hint: 'Put the base profile on the node, or remove the base from the pod.',
  });
}
