import { isRegistry } from '#lib/registry/reference';

const segment = /^[a-z0-9._*-]+$/;
const host = /^(?:\*|\*\.[A-Za-z0-9.-]+|[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(?:[0-9]{1,5}|\*))?$/;

/**
 * Says what is wrong with a glob of the policy, or undefined. The language is small on purpose: `*` stands for any part of
 * one path segment, `**` for whole segments; in the host only for all of it or for everything before a domain
 * (`*.example.com`), so that no pattern reaches beyond the domain that it names, and for its port. No braces, classes or negations.
 */
export function matchProblem(glob: string): string | undefined {
  const segments = glob.split('/');
  if (segments.some((part) => part === '')) return 'it has an empty path segment';
  if (segments.some((part) => part.includes('**') && part !== '**')) return '** stands for whole segments only';
  const [first = '', ...rest] = segments;
  if (first !== '**' && !host.test(first)) return `${JSON.stringify(first)} is no registry host`;
  if (first !== '**' && rest.length === 0) return 'it names a registry but no repository';
  const bad = rest.find((part) => !segment.test(part));
  if (bad === undefined) return undefined;
  if (/[@:]/.test(bad)) return 'a rule is for repositories, not for tags or digests';
  return `${JSON.stringify(bad)} is no part of a repository name`;
}

/**
 * Says whether a glob that has no {@link matchProblem} covers `registry/repository`: always the whole name, and with case, but for the host.
 * `**` is any number of segments, at the end of a glob one at least. Takes time in the product of both lengths at most,
 * whatever the glob: regular expressions made from globs do not.
 */
export function matchesRepository(glob: string, repository: string): boolean {
  const segments = repository.split('/');
  if (segments.some((part) => part === '' || part === '.' || part === '..')) return false;
  const pattern = glob.split('/');
  pattern[0] = hostName(pattern[0] ?? '');
  segments[0] = hostName(segments[0] ?? '');
  if (pattern.at(-1) === '**') pattern.splice(-1, 0, '*');
  return wildcardMatch(pattern, segments, '**', matchesSegment);
}

/**
 * The one name of a host, as URLs have it: whoever asks for the same registry in capitals, or with the port of https, must not come past
 * the rule that is for it to a wider one.
 */
export function hostName(host: string): string {
  const url = `https://${host}`;
  if (isRegistry(host) && URL.canParse(url)) return new URL(url).host;
  return host.toLowerCase().replace(/:0*443$/, '');
}

/** The one name of a repository, given as `registry/repository`, whichever way its host is spelled. */
export function repositoryName(repository: string): string {
  const [host = '', ...path] = repository.split('/');
  return [hostName(host), ...path].join('/');
}

function matchesSegment(pattern: string, part: string): boolean {
  return wildcardMatch([...pattern], [...part], '*', (a, b) => a === b);
}

/** Matches items against a pattern in which `wildcard` stands for any run of items; only the last wildcard is ever tried again. */
function wildcardMatch(
  pattern: readonly string[],
  items: readonly string[],
  wildcard: string,
  matches: (pattern: string, item: string) => boolean,
): boolean {
  let at = 0;
  let lastWildcard = -1;
  let takenByWildcard = 0;
  for (let item = 0; item < items.length; ) {
    const expected = pattern[at];
    if (expected === wildcard) {
      lastWildcard = at++;
      takenByWildcard = item;
    } else if (expected !== undefined && matches(expected, items[item] ?? '')) {
      at++;
      item++;
    } else if (lastWildcard >= 0) {
      at = lastWildcard + 1;
      item = ++takenByWildcard;
    } else return false;
  }
  return pattern.slice(at).every((rest) => rest === wildcard);
}
