import { isDigest } from '#lib/registry/digest';
import { isRegistry, isRepository, isTag } from '#lib/registry/reference';
import { registryName, repositoryName } from '#lib/registry/registry-name';
import { matchesRepository, matchesSegment } from '#lib/trust/policy/match';
import type { ImagePattern } from './image-pattern.ts';

const hub = 'docker.io';

/** The image of a container, by its full name. */
export interface ImageName {
  /** `registry/repository`, with the canonical name of the registry. */
  readonly repository: string;
  /** Absent if the image is named by its digest only. */
  readonly tag?: string;
  readonly digest?: string;
}

/**
 * Returns the full name of an image as a kubelet completes it: `nginx` is
 * `docker.io/library/nginx:latest`. What stands before the first slash is a registry if it has a
 * dot, a colon or a capital, or is `localhost`. Returns undefined for a text that is not the name
 * of an image: no kubelet runs it.
 */
export function parseImageName(text: string): ImageName | undefined {
  const [name = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) return undefined;
  const first = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
  const hasRegistry = /[.:A-Z]/.test(first) || first === 'localhost';
  if (hasRegistry && !isRegistry(first)) return undefined;
  const registry = hasRegistry ? registryName(first) : hub;
  const path = hasRegistry ? name.slice(first.length + 1) : name;
  const [repository = '', tag, ...tags] = path.split(':');
  if (tags.length > 0 || !isRepository(repository) || (tag !== undefined && !isTag(tag))) return undefined;
  const isOfficial = registry === hub && !repository.includes('/');
  return {
    repository: `${registry}/${isOfficial ? 'library/' : ''}${repository}`,
    ...(tag !== undefined && { tag }),
    ...(tag === undefined && digest === undefined && { tag: 'latest' }),
    ...(digest !== undefined && { digest }),
  };
}

/** Returns a full name as text. */
export function formatImageName({ repository, tag, digest }: ImageName): string {
  return `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** The canonical repositories of patterns without wildcards; false for others. */
const literals = new WeakMap<ImagePattern, string | false>();

/**
 * Returns the only repository that a pattern matches, by its canonical name; false if it has
 * wildcards. Tens of thousands of patterns may be compared with each image.
 */
function literalOf(pattern: ImagePattern): string | false {
  const known = literals.get(pattern);
  if (known !== undefined) return known;
  const literal = !pattern.repository.includes('*') && repositoryName(pattern.repository);
  literals.set(pattern, literal);
  return literal;
}

/**
 * Reports whether a valid pattern matches an image. One with a tag matches an image that is named
 * by this tag and its digest, too.
 */
export function matchesImage(pattern: ImagePattern, image: ImageName): boolean {
  const { tag, digest } = pattern;
  if (digest !== undefined && digest !== image.digest) return false;
  if (tag !== undefined && (image.tag === undefined || !matchesSegment(tag, image.tag))) return false;
  const literal = literalOf(pattern);
  return literal === false ? matchesRepository(pattern.repository, image.repository) : literal === image.repository;
}
