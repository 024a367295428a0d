import { FairleadError } from '#lib/errors';
import type { PublishedProfile, RuntimeKind } from '#lib/profile/profile';
import { readCrioProfile } from '#lib/profile/read-crio-profile';
import { readProfile } from '#lib/profile/read-profile';
import type { Artifact } from './artifact.ts';
import { profileContent } from './profile-content.ts';
import { type Layout, recognizeLayout } from './recognize-layout.ts';

/**
 * Reads the profile in an artifact. `kind` is what the caller asked for; undefined takes any. In
 * the runtime layout it is in the form of runtimes; in CRI-O's it may be in that of Docker and
 * Podman, and is resolved for each container. Throws ProfileInvalid where the artifact is no
 * profile, is of another kind, or does not parse.
 */
export function unpackArtifact(artifact: Artifact, kind: RuntimeKind | undefined): PublishedProfile {
  const name = artifact.descriptor.digest;
  const found = recognizeLayout(artifact.manifest, name);
  if (kind !== undefined && found.kind !== kind) {
    throw new FairleadError('ProfileInvalid', `${name} is a profile of kind ${found.kind}, not ${kind}`, {
      hint: `Ask for kind ${found.kind} (--kind ${found.kind.toLowerCase()}), or name another artifact.`,
    });
  }
  const profile = readLayer(profileContent(artifact), `profile in ${name}`, found);
  if (profile.kind !== found.kind) {
    throw new FairleadError('ProfileInvalid', `${name} calls itself ${found.kind}, but its content is ${profile.kind}`);
  }
  return profile;
}

function readLayer(bytes: Uint8Array, source: string, { kind, name }: Layout): PublishedProfile {
  try {
    return name === 'crio' ? readCrioProfile(bytes, source) : readProfile(bytes, source, kind);
  } catch (error) {
    // Too deep or too long to read is a fault of the artifact here, and a lasting one.
    if (!(error instanceof FairleadError) || error.kind !== 'LimitExceeded') throw error;
    throw new FairleadError('ProfileInvalid', error.message, { cause: error });
  }
}
