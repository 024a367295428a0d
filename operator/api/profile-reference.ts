import { FairleadError } from '#lib/errors';
import {
  formatLocalhostProfile,
  type ProfileReference,
  parseLocalhostProfile,
} from '#lib/node/reference/localhost-profile';
import { formatReference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';

/**
 * Returns the artifact that a Localhost profile names. Returns undefined for any other path, and
 * for one that nodes refuse.
 */
export function namedArtifact(localhostProfile: string): ProfileReference | undefined {
  try {
    const found = parseLocalhostProfile(localhostProfile);
    return found && { ...found, reference: formatReference(found.reference) };
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

/**
 * Reports whether a profile is the wanted one or stricter: the same artifact, with the wanted base
 * if there is one, and enforced unless the wanted one only logs.
 */
export function covers(profile: ProfileReference, wanted: ProfileReference): boolean {
  const base = wanted.base ?? profile.base;
  const mode = wanted.mode && profile.mode;
  return sameProfile(profile, { ...wanted, base, mode });
}

/**
 * Reports whether two profiles are the same artifact with the same base and mode, by whichever name
 * of its registry.
 */
export function sameProfile(a: ProfileReference, b: ProfileReference): boolean {
  const [one, other] = [a, b].map(({ reference, ...parameters }) =>
    formatLocalhostProfile({ reference: artifactKey(reference), ...parameters }),
  );
  return one === other;
}

/**
 * Returns the canonical name of the repository of a profile, which all versions of it have.
 */
export function repositoryOf({ reference }: ProfileReference): string {
  return repositoryName(reference.split('@', 1)[0] ?? '');
}

/** Returns the name of an artifact by which all references to it are the same. */
export function artifactKey(reference: string): string {
  const [repository = '', digest] = reference.split('@', 2);
  return `${repositoryName(repository)}@${digest}`;
}
