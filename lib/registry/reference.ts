import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { type Digest, isDigest } from './digest.ts';

/**
 * A fully qualified name of content in a registry. If it has both a tag and a digest, the digest
 * decides and the tag is informational.
 */
export interface Reference {
  /**
   * Host with optional port as the user wrote it, such as `ghcr.io`, `localhost:5000` or
   * `[::1]:5000`.
   */
  readonly registry: string;
  /** Repository inside the registry, such as `security/nginx`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/**
 * Longest registry/repository that clients and the kubelet accept (distribution-spec, "Pulling
 * manifests").
 */
export const maxNameLength = 255;

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const registryPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]{2,39}\\])(?::[0-9]{1,5})?$`);
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Reports whether the text is a tag (distribution-spec, "Pulling manifests"). */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/**
 * Reports whether the text is the host of a registry, with or without port: `ghcr.io`,
 * `localhost:5000`, `[::1]:5000`.
 */
export function isRegistry(text: string): boolean {
  return (
    (/[.:]/.test(text) || text === 'localhost') &&
    registryPattern.test(text) &&
    // Refuses invalid ports, and what only looks like an address: 1.2.3.999, [1:2].
    URL.canParse(`https://${text}`)
  );
}

/**
 * Reports whether the text is a repository name without registry (distribution-spec, "Pulling
 * manifests").
 */
export function isRepository(text: string): boolean {
  return text.length <= maxNameLength && text.split('/').every((component) => pathComponent.test(component));
}

/**
 * Parses `registry/repository[:tag][@digest]`. Nothing is added: no default registry, no
 * `library/`, no `latest`. Throws InvalidInput that names the invalid part; short names
 * (`nginx:1.27`) are refused.
 */
export function parseReference(text: string): Reference {
  const quoted = quote(text, 300);
  const invalid = (what: string, hint: string): FairleadError =>
    new FairleadError('InvalidInput', `invalid reference ${quoted}: ${what}`, { hint });

  const example = 'Write registry/repository:tag or registry/repository@sha256:….';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    throw invalid('it is a URL', `Leave out the scheme, ${/^[^:]*:\/\//.exec(text)?.[0]}.`);
  if (hasVersionRange(text)) {
    throw invalid(
      'a version range is not supported here',
      'Name one version: registry/repository:TAG or registry/repository@sha256:….',
    );
  }
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const name = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !isDigest(digest)) {
    const isMeantAsTag = isTag(digest) && !/^[a-f0-9]{64}$|^sha\d/.test(digest) && !/:[^/]*$/.test(name);
    const hint = isMeantAsTag
      ? `A tag follows a colon: write ${quote(`${name}:${digest}`, 300)}.`
      : 'A digest is sha256: and 64 lower-case hex digits.';
    throw invalid(`invalid digest ${quote(digest, 160)}`, hint);
  }
  const slash = name.indexOf('/');
  const registry = slash < 0 ? '' : name.slice(0, slash);
  if (!/[.:]/.test(registry) && registry !== 'localhost') {
    if (!/^[a-z0-9]/i.test(name)) throw invalid('it names no registry', example);
    if (slash < 0 && isRegistry(text) && (text.includes('.') || /^localhost\b/.test(text))) {
      throw invalid('it names no registry, or no repository in it', `Name both: ${text}/repository:tag.`);
    }
    const [, afterPrefix] = /^oci\/([^/]+\/.+)$/.exec(text) ?? [];
    if (afterPrefix !== undefined && isRegistry(afterPrefix.split('/', 1)[0] ?? '')) {
      throw invalid(
        'it begins with oci/, which only the localhostProfile of a pod has',
        `Leave out oci/: write ${quote(afterPrefix, 300)}.`,
      );
    }
    const full = slash < 0 ? `docker.io/library/${text}` : `docker.io/${text}`;
    throw invalid('it names no registry', `Short names are not completed. For Docker Hub, write ${full}`);
  }
  if (!isRegistry(registry)) {
    throw invalid(`invalid registry host ${JSON.stringify(registry)}`, 'A registry is host, host:port or [IPv6]:port.');
  }
  const path = name.slice(slash + 1);
  const colon = path.indexOf(':');
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  if (tag !== undefined && !isTag(tag)) {
    const ranged = `${name.slice(0, slash + 1 + colon)}@${tag}`;
    throw invalid(
      `invalid tag ${quote(tag, 160)}`,
      hasVersionRange(ranged) && digest === undefined
        ? `A range of versions follows an @, in commands that read: ${quote(ranged, 300)}.`
        : 'A tag has at most 128 letters, digits, "_", "." and "-", and begins with a letter, a digit or "_".',
    );
  }
  const repository = colon < 0 ? path : path.slice(0, colon);
  if (!isRepository(repository)) {
    throw invalid(
      `invalid repository ${quote(repository, 160)}`,
      'A repository consists of lower-case letters and digits, separated by ".", "_", "-" and "/".',
    );
  }
  if (registry.length + 1 + repository.length > maxNameLength) {
    throw invalid(`its name is longer than ${maxNameLength} characters`, 'Use a shorter repository name.');
  }
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: digest as Digest }),
  };
}

/**
 * Reports whether a text has a range of versions where references have a digest, such as
 * `registry/repository@^1.4`.
 */
export function hasVersionRange(text: string): boolean {
  const at = text.indexOf('@');
  // Whatever begins with an algorithm is meant as a digest.
  return at >= 0 && /^\s*[\^~<>=|*xX\dv]/.test(text.slice(at + 1)) && !text.slice(at + 1).includes(':');
}

/** Formats a reference: `registry/repository[:tag][@digest]`. The inverse of parseReference. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${formatRepository(reference)}${tag}${digest}`;
}

/** Formats `registry/repository`, without tag and digest: the name that trust policies match. */
export function formatRepository(reference: Pick<Reference, 'registry' | 'repository'>): string {
  return `${reference.registry}/${reference.repository}`;
}

/**
 * Returns what to resolve for a reference: its digest, otherwise its tag. Throws InvalidInput if it
 * has neither.
 */
export function tagOrDigestOf(reference: Reference): string {
  const found = reference.digest ?? reference.tag;
  if (found === undefined) {
    throw new FairleadError('InvalidInput', `${formatReference(reference)} has neither tag nor digest`, {
      hint: `There is no default tag: write ${formatReference(reference)}:TAG or …@sha256:….`,
    });
  }
  return found;
}
