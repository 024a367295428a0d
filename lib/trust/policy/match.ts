import { isRegistry, isRepository, maxNameLength } from '#lib/registry/reference';
import { registryName, registryNames } from '#lib/registry/registry-name';

/**
 * Says what is wrong with a glob of the policy, or undefined. The language is small on purpose: `*`
 * stands for any part of one path segment, `**` for whole segments; in the host only for all of it
 * or for everything before a domain (`*.example.com`), so that no pattern reaches beyond the domain
 * that it names, and for its port. No braces, classes or negations. What stands beside the
 * wildcards has the grammar of references: a pattern that no reference can match would leave what
 * it is meant for to the rules after it.
 */
export function matchProblem(glob: string): string | undefined {
  const segments = glob.split('/');
  if (segments.some((part) => part === '')) return 'it has an empty path segment';
  if (segments.some((part) => part.includes('**') && part !== '**')) return '** stands for whole segments only';
  const [first = '', ...rest] = segments;
  if (first !== '**' && rest.length === 0) return 'it names a registry but no repository';
  if (first !== '**' && !isHostPattern(first)) return `${JSON.stringify(first)} is no registry host`;
  const bad = rest.find((part) => part !== '**' && !isRepository(part.replaceAll('*', 'a')));
  if (bad !== undefined && /[@:]/.test(bad)) return 'a rule is for repositories, not for tags or digests';
  if (bad !== undefined) return `${JSON.stringify(bad)} is no part of a repository name`;
  const shortest = segments
    .filter((part) => part !== '**')
    .join('/')
    .replaceAll('*', '');
  if (shortest.length > maxNameLength) return `it is longer than ${maxNameLength} characters, which no name is`;
  return undefined;
}

/**
 * Says whether some registry has such a name: its wildcards stand for something short, and for an
 * address (*.0.0.1) for numbers.
 */
function isHostPattern(host: string): boolean {
  if (host === '*') return true;
  const withoutPort = (name: string): string => name.replace(/:[0-9*]+$/, '');
  const domain = withoutPort(registryName(host)).replace(/^\*/, '');
  return ['a', '1', '1.1', '1.1.1'].some((part) => {
    const example = host.replace(/^\*(?=[.:])/, part).replace(/:\*$/, ':1');
    // Whose one name ends otherwise (1.0.0.5, of 1.05) is not what the pattern is for.
    return (
      isRegistry(example) &&
      registryName(example)
        .replace(/:[0-9]+$/, '')
        .endsWith(domain.slice(1))
    );
  });
}

/**
 * Says whether a glob that has no {@link matchProblem} covers `registry/repository`: always the
 * whole name, and with case, but for the host. `**` is any number of segments, at the end of a glob
 * one at least. Takes time in the product of both lengths at most, whatever the glob: regular
 * expressions made from globs do not.
 */
export function matchesRepository(glob: string, repository: string): boolean {
  const segments = repository.split('/');
  if (segments.some((part) => part === '' || part === '.' || part === '..')) return false;
  const [registry = '', ...path] = segments;
  const pattern = glob.split('/');
  pattern[0] = registryName(pattern[0] ?? '');
  if (pattern.at(-1) === '**') pattern.splice(-1, 0, '*');
  // By any of its names: a rule for *.docker.io is for Docker Hub too.
  return registryNames(registry).some((name) => wildcardMatch(pattern, [name, ...path], '**', matchesSegment));
}

function matchesSegment(pattern: string, part: string): boolean {
  return wildcardMatch([...pattern], [...part], '*', (a, b) => a === b);
}

/**
 * Matches items against a pattern in which `wildcard` stands for any run of items; only the last
 * wildcard is ever tried again.
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
