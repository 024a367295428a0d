import { formatLocalhostProfile, type ProfileReference } from '#lib/node/reference/localhost-profile';
import type { PodSeccompProfile } from '../api/pod.ts';
import { covers, namedArtifact, repositoryOf, sameProfile } from '../api/profile-reference.ts';

/** The profile of a container: an artifact, or a file on the node. */
export type BoundProfile = { readonly artifact: ProfileReference } | { readonly file: string };

/** Returns the Localhost profile that names a profile. */
export function localhostProfileOf(profile: BoundProfile): string {
  return 'file' in profile ? profile.file : formatLocalhostProfile(profile.artifact);
}

/**
 * Returns the profile that a seccomp profile of a pod names, as a Localhost reference or natively
 * (KEP-6061). Returns undefined if it names none.
 */
export function namedProfile({ type, localhostProfile, oci }: PodSeccompProfile): BoundProfile | undefined {
  if (type === 'Localhost') return profileOf(localhostProfile ?? '');
  const { reference, baseProfile } = oci ?? {};
  if (type !== 'OCI' || reference === undefined) return undefined;
  if (baseProfile === undefined) return { artifact: { reference } };
  if (baseProfile.type === 'RuntimeDefault') return { artifact: { reference, base: 'RuntimeDefault' } };
  return profileOf(`oci/${reference}?base=localhost/${baseProfile.localhostProfile ?? ''}`);
}

function profileOf(localhostProfile: string): BoundProfile {
  const artifact = namedArtifact(localhostProfile);
  return artifact === undefined ? { file: localhostProfile } : { artifact };
}

/** Reports whether a profile is the wanted one or stricter. */
export function coversProfile(profile: BoundProfile, wanted: BoundProfile): boolean {
  if ('file' in profile || 'file' in wanted) return sameBoundProfile(profile, wanted);
  return covers(profile.artifact, wanted.artifact);
}

/** Reports whether two profiles are the same, by whichever name of its registry. */
export function sameBoundProfile(a: BoundProfile, b: BoundProfile): boolean {
  if ('file' in a || 'file' in b) return 'file' in a && 'file' in b && a.file === b.file;
  return sameProfile(a.artifact, b.artifact);
}

/** Returns what two profiles have in common that are the same, in whichever version. */
export function originOf(profile: BoundProfile): string {
  return 'file' in profile ? `file ${profile.file}` : `repository ${repositoryOf(profile.artifact)}`;
}
