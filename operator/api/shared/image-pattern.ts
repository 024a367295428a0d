import * as v from 'valibot';
import { isDigest } from '#lib/registry/digest';
import { isTag } from '#lib/registry/reference';
import { registryName } from '#lib/registry/registry-name';
import { matchProblem } from '#lib/trust/policy/match';

/** A pattern of images in its parts. */
export interface ImagePattern {
  /** Glob over `registry/repository`, as in a trust policy. */
  readonly repository: string;
  /** A tag, in which `*` is any part. */
  readonly tag?: string;
  /** `sha256:<64 hex digits>`. */
  readonly digest?: string;
}

/** Returns a pattern in its parts. It may be invalid; see {@link imagePatternProblem}. */
export function parseImagePattern(text: string): ImagePattern {
  const [name = '', digest] = text.split('@', 2);
  const [, repository = name, tag] = /^(.*\/[^/:]*):([^/:]*)$/.exec(name) ?? [];
  return { repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** Returns why a pattern is invalid, or undefined. */
export function imagePatternProblem(text: string): string | undefined {
  if (text.split('@').length > 2) return 'two digests';
  const { repository, tag, digest } = parseImagePattern(text);
  if (digest !== undefined && tag !== undefined) return 'a tag and a digest: want only one of them';
  if (digest !== undefined && !(digest.startsWith('sha256:') && isDigest(digest))) {
    return 'invalid digest: want sha256:<64 hex digits>';
  }
  if (tag !== undefined && !isTag(tag.replaceAll('*', 'a'))) {
    return 'invalid tag: want at most 128 letters, digits, "_", "." and "-", and * for any part';
  }
  const [registry = '', ...path] = repository.split('/');
  if (registryName(registry) === 'docker.io' && path.length === 1 && path[0] !== '**') {
    return `no image matches: on Docker Hub, ${path[0]} is docker.io/library/${path[0]}`;
  }
  return matchProblem(repository);
}

/** A pattern of the images of containers. */
export const imagePatternSchema = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(512),
  v.check(
    (text) => imagePatternProblem(text) === undefined,
    ({ input }) =>
      `${imagePatternProblem(input)}: write registry/repository, such as docker.io/library/nginx or ghcr.io/acme/**`,
  ),
);
