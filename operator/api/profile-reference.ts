import { repositoryName } from '#lib/registry/registry-name';

/** What a node intersects an artifact with besides its baseline. */
export type ProfileBase = 'RuntimeDefault' | { readonly localhost: string };

/** An artifact that a pod or container names as its profile. */
export interface ProfileReference {
  /** `registry/repository@sha256:<64 hex digits>`. */
  readonly reference: string;
  readonly base?: ProfileBase | undefined;
}

const marker = 'oci/';

/**
 * Returns the Localhost profile that names an artifact: `oci/<reference>`, then
 * `?base=RuntimeDefault` or `?base=localhost/<path>` if it has a base. cri-shim reads it
 * (docs/guides/nodes.md).
 */
export function formatLocalhostProfile({ reference, base }: ProfileReference): string {
  if (base === undefined) return `${marker}${reference}`;
  return `${marker}${reference}?base=${base === 'RuntimeDefault' ? base : `localhost/${base.localhost}`}`;
}

/**
 * Reads a Localhost profile that names an artifact, also in the older form `?base=<path>`. Returns
 * undefined for any other path, and for parameters that cri-shim refuses.
 */
export function parseLocalhostProfile(path: string): ProfileReference | undefined {
  const match = /^oci\/([^?&#]+)(?:\?base=([^?&#]+))?$/.exec(path);
  if (match === null) return undefined;
  const [, reference = '', base] = match;
  if (base === undefined) return { reference };
  if (base === 'RuntimeDefault') return { reference, base };
  const localhost = base.startsWith('localhost/') ? base.slice('localhost/'.length) : base;
  const descends = localhost.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return descends ? { reference, base: { localhost } } : undefined;
}

/**
 * Reports whether a profile is the wanted one or stricter: the same artifact, with the wanted base
 * if there is one.
 */
export function covers(profile: ProfileReference, wanted: ProfileReference): boolean {
  return sameProfile(profile, wanted.base === undefined ? { ...wanted, base: profile.base } : wanted);
}

/**
 * Reports whether two profiles are the same artifact with the same base, by whichever name of its
 * registry.
 */
export function sameProfile(a: ProfileReference, b: ProfileReference): boolean {
  const [one, other] = [a, b].map(({ reference, base }) => {
    const [repository = '', digest] = reference.split('@', 2);
    return formatLocalhostProfile({ reference: `${repositoryName(repository)}@${digest}`, base });
  });
  return one === other;
}

/**
 * Reports whether two profiles are artifacts of one repository, such as two versions of one
 * profile.
 */
export function sameRepository(a: ProfileReference, b: ProfileReference): boolean {
  return repositoryOf(a) === repositoryOf(b);
}

function repositoryOf({ reference }: ProfileReference): string {
  return repositoryName(reference.split('@', 1)[0] ?? '');
}
