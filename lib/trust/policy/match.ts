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
 * How many steps comparisons that share this budget may still take: some nanoseconds each. Below
 * zero it is used up, and what they return means nothing.
 */
export interface StepBudget {
  steps: number;
}

/** A repository in its segments, under each name of its registry. */
export type RepositoryPaths = readonly (readonly string[])[];

/** Returns the paths of `registry/repository`; none for a text that is not the name of one. */
export function repositoryPaths(repository: string): RepositoryPaths {
  const [registry = '', ...path] = repository.split('/');
  if ([registry, ...path].some((part) => part === '' || part === '.' || part === '..')) return [];
  return registryNames(registry).map((name) => [name, ...path]);
}

/**
 * Returns whether a valid glob (see {@link matchProblem}) matches the whole of
 * `registry/repository`. Only the host ignores case. `**` matches any number of segments, and at
 * least one at the end of a glob. The time is at most the product of both lengths for any glob,
 * unlike with regular expressions made from globs.
 */
export function matchesRepository(glob: string, repository: string): boolean {
  return matchesPaths(glob, repositoryPaths(repository), { steps: Number.POSITIVE_INFINITY });
}

/**
 * {@link matchesRepository} for a repository whose paths are known, because it is compared with
 * many globs. Ends when the budget is used up.
 */
export function matchesPaths(glob: string, paths: RepositoryPaths, budget: StepBudget): boolean {
  const pattern = glob.split('/');
  budget.steps -= pattern.length;
  pattern[0] = registryName(pattern[0] ?? '');
  if (pattern.at(-1) === '**') pattern.splice(-1, 0, '*');
  // A registry matches by any of its names: a rule for *.docker.io applies to Docker Hub too.
  return paths.some((path) => matchesPath(pattern, path, budget));
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
 * Returns whether segments match those of a pattern, in which `**` matches any run of segments.
 * Backtracks only to the last one.
 */
function matchesPath(pattern: readonly string[], path: readonly string[], budget: StepBudget): boolean {
  let at = 0;
  let lastWildcard = -1;
  let takenByWildcard = 0;
  for (let item = 0; item < path.length; ) {
    const expected = pattern[at];
    const segment = path[item] ?? '';
    if (expected === '**') {
      lastWildcard = at++;
      takenByWildcard = item;
    } else if (expected !== undefined && matchesSegmentWithin(budget, expected, segment)) {
      at++;
      item++;
    } else if (budget.steps >= 0 && lastWildcard >= 0) {
      at = lastWildcard + 1;
      item = ++takenByWildcard;
    } else return false;
  }
  return pattern.slice(at).every((rest) => rest === '**');
}

/** Counts what {@link matchesSegment} takes. */
function matchesSegmentWithin(budget: StepBudget, pattern: string, text: string): boolean {
  budget.steps -= pattern.includes('*') ? 2 + pattern.length + (text.length >> 2) : 1;
  return budget.steps >= 0 && matchesSegment(pattern, text);
}
