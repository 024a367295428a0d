import { registryName } from '#lib/registry/registry-name';
import {
  matchesPaths,
  matchesSegment,
  type RepositoryPaths,
  repositoryPaths,
  type StepBudget,
} from '#lib/trust/policy/match';
import type { ImageName } from '../api/shared/image-name.ts';
import type { ImagePattern } from '../api/shared/image-pattern.ts';

/** How specific patterns of images are, from those that match most. */
export const imageRanks = {
  default: 0,
  all: 1,
  repositories: 2,
  repository: 3,
  tags: 4,
  tag: 5,
  digest: 6,
} as const;

interface RankedPattern {
  readonly pattern: ImagePattern;
  /** Its repository, with the canonical name of the registry. */
  readonly repository: string;
  readonly rank: number;
}

/** The patterns of a binding, the most specific ones first. */
interface PreparedPatterns {
  /** Those without wildcards in the repository, by it. */
  readonly literals: ReadonlyMap<string, readonly RankedPattern[]>;
  readonly wildcards: readonly RankedPattern[];
}

type Patterns = readonly ImagePattern[];

const prepared = new WeakMap<Patterns, PreparedPatterns>();

interface Comparison {
  readonly rank: number | undefined;
  readonly steps: number;
}

/** What is known of an image: for as long as its name is (parseImageName). */
interface ExaminedImage {
  readonly paths: RepositoryPaths;
  readonly ranks: WeakMap<Patterns, Comparison>;
}

const examined = new WeakMap<ImageName, ExaminedImage>();
/** More steps are remembered: the pods of a rollout have the same images. */
const fewSteps = 100;

/**
 * Returns the rank of the most specific one of valid patterns that match an image; undefined if
 * none does, or if the budget is used up before that is known. One with a tag matches an image that
 * is named by this tag and its digest, too.
 *
 * Those without wildcards are looked up: a namespace may have tens of thousands of them. What is
 * remembered takes the same steps of the budget as before, so that all replicas decide alike.
 */
export function imageRank(patterns: Patterns, image: ImageName, budget: StepBudget): number | undefined {
  const { paths, ranks } = examine(image);
  const known = ranks.get(patterns);
  if (known !== undefined) {
    budget.steps -= known.steps;
    return budget.steps < 0 ? undefined : known.rank;
  }
  const before = budget.steps;
  const rank = compare(prepare(patterns), image, paths, budget);
  if (budget.steps < 0) return undefined;
  const steps = before - budget.steps;
  if (steps > fewSteps) ranks.set(patterns, { rank, steps });
  return rank;
}

function examine(image: ImageName): ExaminedImage {
  const known = examined.get(image) ?? { paths: repositoryPaths(image.repository), ranks: new WeakMap() };
  examined.set(image, known);
  return known;
}

function prepare(patterns: Patterns): PreparedPatterns {
  const known = prepared.get(patterns);
  if (known !== undefined) return known;
  const ranked = patterns
    .map((pattern) => ({ pattern, repository: canonical(pattern.repository), rank: patternRank(pattern) }))
    .toSorted((a, b) => b.rank - a.rank);
  const literals = ranked.filter(({ repository }) => !repository.includes('*'));
  const result = {
    literals: Map.groupBy(literals, ({ repository }) => repository),
    wildcards: ranked.filter(({ repository }) => repository.includes('*')),
  };
  prepared.set(patterns, result);
  return result;
}

/** Returns a pattern with the canonical name of its registry: the same text, if it has that. */
function canonical(repository: string): string {
  const at = repository.indexOf('/');
  const registry = at < 0 ? repository : repository.slice(0, at);
  const name = registryName(registry);
  return name === registry ? repository : name + repository.slice(registry.length);
}

function patternRank({ repository, tag, digest }: ImagePattern): number {
  if (digest !== undefined) return imageRanks.digest;
  if (tag !== undefined) return tag.includes('*') ? imageRanks.tags : imageRanks.tag;
  return repository.includes('*') ? imageRanks.repositories : imageRanks.repository;
}

function compare(
  { literals, wildcards }: PreparedPatterns,
  image: ImageName,
  paths: RepositoryPaths,
  budget: StepBudget,
): number | undefined {
  const named = literals.get(image.repository) ?? [];
  budget.steps -= 1 + named.length;
  const literal = named.find(({ pattern }) => matchesVersion(pattern, image));
  for (const { pattern, repository, rank } of wildcards) {
    if (literal !== undefined && literal.rank >= rank) break;
    budget.steps -= 1;
    if (budget.steps < 0) return undefined;
    if (!mayMatch(repository, image.repository) || !matchesVersion(pattern, image)) continue;
    if (matchesPaths(repository, paths, budget)) return rank;
  }
  return literal?.rank;
}

/** Reports whether a pattern matches the tag and the digest of an image. */
function matchesVersion({ tag, digest }: ImagePattern, image: ImageName): boolean {
  if (digest !== undefined && digest !== image.digest) return false;
  return tag === undefined || (image.tag !== undefined && matchesSegment(tag, image.tag));
}

/**
 * Reports whether the path of a repository begins and ends as the pattern does before its first and
 * after its last wildcard, which excludes most at once.
 */
function mayMatch(pattern: string, repository: string): boolean {
  const [path, first, last] = [pattern.indexOf('/'), pattern.indexOf('*'), pattern.lastIndexOf('*')];
  if (path >= 0 && first > path && !repository.startsWith(pattern.slice(0, first))) return false;
  // In the host, any of the names of a registry may be meant; before a slash, ** may be nothing.
  return path < 0 || repository.endsWith(pattern.slice(Math.max(path, last + 1)));
}
