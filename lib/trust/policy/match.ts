import { isRegistry, isRepository, maxNameLength } from '#lib/registry/reference';
import { registryName, registryNames } from '#lib/registry/registry-name';

/**
 * Returns why a glob of the policy is invalid, or undefined. The language is small on purpose: `*`
 * matches any part of one path segment, and `**` matches whole segments. In the host, `*` matches
 * only the whole host, everything before a domain (`*.example.com`) or the port, so that no pattern
 * matches other domains than the one that it names. There are no braces, classes or negations. The
 * rest of the pattern has the grammar of references: a pattern that no reference can match would
 * leave the decision to later rules.
 */
export function matchProblem(glob: string): string | undefined {
  const segments = glob.split('/');
  if (segments.some((part) => part === '')) return 'empty path segment';
  if (segments.some((part) => part.includes('**') && part !== '**')) return '** must be a whole path segment';
  const [first = '', ...rest] = segments;
  if (first !== '**' && rest.length === 0) return 'registry without a repository';
  if (first !== '**' && !isHostPattern(first)) return `invalid registry host ${JSON.stringify(first)}`;
  const bad = rest.find((part) => part !== '**' && !isRepository(part.replaceAll('*', 'a')));
  if (bad !== undefined && /[@:]/.test(bad)) return 'rules match repositories, not tags or digests';
  if (bad !== undefined) return `invalid path segment ${JSON.stringify(bad)}`;
  const shortest = segments
    .filter((part) => part !== '**')
    .join('/')
    .replaceAll('*', '');
  if (shortest.length > maxNameLength) return `too long: want at most ${maxNameLength} characters`;
  return undefined;
}

/**
 * Returns whether a registry can have such a name. Tries short texts in place of its wildcards, and
 * numbers, for addresses (*.0.0.1).
 */
function isHostPattern(host: string): boolean {
  if (host === '*') return true;
  const withoutPort = (name: string): string => name.replace(/:[0-9*]+$/, '');
  const domain = withoutPort(registryName(host)).replace(/^\*/, '');
  return ['a', '1', '1.1', '1.1.1'].some((part) => {
    const example = host.replace(/^\*(?=[.:])/, part).replace(/:\*$/, ':1');
    // The pattern must not match by a spelling that registryName changes (1.05 is 1.0.0.5).
    return (
      isRegistry(example) &&
      registryName(example)
        .replace(/:[0-9]+$/, '')
        .endsWith(domain.slice(1))
    );
  });
}

/**
 * Returns whether a valid glob (see {@link matchProblem}) matches the whole of
 * `registry/repository`. Only the host ignores case. `**` matches any number of segments, and at
 * least one at the end of a glob. The time is at most the product of both lengths for any glob,
 * unlike with regular expressions made from globs.
 */
export function matchesRepository(glob: string, repository: string): boolean {
  const segments = repository.split('/');
  if (segments.some((part) => part === '' || part === '.' || part === '..')) return false;
  const [registry = '', ...path] = segments;
  const pattern = glob.split('/');
  pattern[0] = registryName(pattern[0] ?? '');
  if (pattern.at(-1) === '**') pattern.splice(-1, 0, '*');
  // A registry matches by any of its names: a rule for *.docker.io applies to Docker Hub too.
  return registryNames(registry).some((name) => wildcardMatch(pattern, [name, ...path], '**', matchesSegment));
}

/**
 * Returns whether a text matches a pattern in which `*` is any part. Each part between two of them
 * is taken where it is found first, so that the time is at most the product of both lengths.
 */
export function matchesSegment(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text;
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop() ?? '';
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/**
 * Returns whether items match a pattern in which `wildcard` matches any run of items. Backtracks
 * only to the last wildcard.
 */
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
