import { LRUCache } from 'lru-cache';
import { isDigest } from '#lib/registry/digest';
import { isRegistry, isRepository, isTag } from '#lib/registry/reference';
import { registryName } from '#lib/registry/registry-name';

const hub = 'docker.io';

/** The image of a container, by its full name. */
export interface ImageName {
  /** `registry/repository`, with the canonical name of the registry. */
  readonly repository: string;
  /** Absent if the image is named by its digest only. */
  readonly tag?: string;
  readonly digest?: string;
}

/** The names of the images of some rollouts, by their texts. */
const known = new LRUCache<string, ImageName>({ max: 200 });

/**
 * Returns the full name of an image, as {@link completeImageName} does: the same object for the
 * same text, so that what was determined of an image can be remembered with it.
 */
export function parseImageName(text: string): ImageName | undefined {
  const name = known.get(text) ?? completeImageName(text);
  if (name !== undefined) known.set(text, name);
  return name;
}

/**
 * Returns the full name of an image as a kubelet completes it: `nginx` is
 * `docker.io/library/nginx:latest`. What stands before the first slash is a registry if it has a
 * dot, a colon or a capital, or is `localhost`. Returns undefined for a text that is not the name
 * of an image: no kubelet runs it.
 */
function completeImageName(text: string): ImageName | undefined {
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
