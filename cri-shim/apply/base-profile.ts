import { FairleadError } from '#lib/errors';
import { readProfile } from '#lib/profile/read-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { readNodeFile } from '../baseline/node-file.ts';

/**
 * Reads a seccomp profile that lies on the node, at most 1 MiB. Links are followed: the Security
 * Profiles Operator makes them below the seccomp root. Throws ProfileInvalid where it is not a
 * readable profile.
 */
export async function readBaseProfile(path: string): Promise<SeccompProfile> {
  const bytes = await readNodeFile(path, (reason, cause) => invalid(path, reason, cause));
  if (bytes === undefined) throw invalid(path, 'it does not exist');
  const profile = readProfile(bytes, `base profile ${path}`);
  if (profile.kind !== 'Seccomp') throw invalid(path, `it is a profile of kind ${profile.kind}`);
  return profile.seccomp;
}

function invalid(path: string, reason: string, cause?: unknown): FairleadError {
  return new FairleadError('ProfileInvalid', `base profile ${path}: ${reason}`, {
    cause,
    hint: 'Put the base profile on the node, or leave the base out.',
  });
}
