import { FairleadError } from '#lib/errors';
import type { PublishedProfile, RuntimeKind } from '#lib/profile/profile';
import { readCrioProfile } from '#lib/profile/read-crio-profile';
import { readProfile } from '#lib/profile/read-profile';
import type { ProfileArtifact } from './artifact.ts';
import { profileContent } from './profile-content.ts';

/**
 * Reads the profile in an artifact. `kind` is what the caller asked for; undefined accepts any. In
 * the runtime layout the profile is in the form that runtimes read; in CRI-O's it may be in that of
 * Docker and Podman, and is resolved for each container. Throws ProfileInvalid if the profile is of
 * another kind, or does not parse.
 */
export function unpackArtifact(artifact: ProfileArtifact, kind: RuntimeKind | undefined): PublishedProfile {
  const name = artifact.descriptor.digest;
  if (kind !== undefined && artifact.kind !== kind) {
    throw new FairleadError('ProfileInvalid', `${name} is a profile of kind ${artifact.kind}, not ${kind}`, {
      hint: `Set \`kind\` to ${artifact.kind}, or name another artifact.`,
    });
  }
  const profile = readDocument(artifact, `profile in ${name}`);
  if (profile.kind !== artifact.kind) {
    throw new FairleadError(
      'ProfileInvalid',
      `${name} is declared as ${artifact.kind}, but its content is ${profile.kind}`,
    );
  }
  return profile;
}

function readDocument(artifact: ProfileArtifact, source: string): PublishedProfile {
  const bytes = profileContent(artifact);
  try {
    return artifact.layout === 'crio' ? readCrioProfile(bytes, source) : readProfile(bytes, source, artifact.kind);
  } catch (error) {
    // Too deep or too long a document is a permanent fault of the artifact here.
    if (!(error instanceof FairleadError) || error.kind !== 'LimitExceeded') throw error;
    throw new FairleadError('ProfileInvalid', error.message, { cause: error });
  }
}
