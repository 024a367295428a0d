import type { GlobBudget } from './glob/budget.ts';
import { within } from './glob/budget.ts';
import { isCovered } from './glob/cover.ts';
import type { Glob } from './glob/glob.ts';
import { intersectGlobs } from './glob/intersect-globs.ts';
import { PathIndex } from './path-index.ts';
import { limits } from './vocabulary.ts';

/** What one question may take: enough for all but globs that were made to be hard. */
const mostSteps = 20_000;

/** Reports whether the globs of an index are shown to cover a glob, together. */
export function isShownCovered(glob: Glob, index: PathIndex, budget: GlobBudget): boolean {
  return index.has(glob) || isShownCoveredByNear(glob, index, budget, () => true);
}

function isShownCoveredByNear(
  glob: Glob,
  index: PathIndex,
  budget: GlobBudget,
  counts: (other: Glob) => boolean,
): boolean {
  return within(budget, mostSteps, (part) => {
    const near = index.near(glob, part)?.filter(counts);
    return near !== undefined && (isCovered(glob, near, part) ?? false);
  });
}

/**
 * What two path lists have in common, and which globs of the first lost names only because the
 * result was too large.
 */
export interface ListIntersection {
  readonly globs: readonly Glob[];
  readonly unsaid: readonly Glob[];
}

/**
 * Returns the globs that match what a glob of each list matches, as few as possible. A glob that
 * the other list covers stays as it is written; of globs that overlap, the common part is worked
 * out.
 */
export function intersectLists(first: readonly Glob[], second: readonly Glob[], budget: GlobBudget): ListIntersection {
  const inFirst = PathIndex.of(first);
  const inSecond = PathIndex.of(second);
  const globs: Glob[] = [];
  const unsaid: Glob[] = [];
  const cut = first.filter((glob) => {
    const covered = isShownCovered(glob, inSecond, budget);
    if (covered) globs.push(glob);
    return !covered;
  });
  const whole = new Set<Glob>();
  for (const glob of second) {
    if (!isShownCovered(glob, inFirst, budget)) continue;
    whole.add(glob);
    globs.push(glob);
  }
  for (const glob of cut) {
    const near = within(budget, mostSteps, (part) => inSecond.near(glob, part));
    let isSaid = near !== undefined;
    for (const other of near ?? []) {
      if (whole.has(other)) continue;
      const pieces = within(budget, mostSteps, (part) => intersectGlobs(glob, other, part));
      if (pieces === undefined || globs.length + pieces.length > limits.paths) isSaid = false;
      else globs.push(...pieces);
    }
    if (!isSaid) unsaid.push(glob);
  }
  return { globs: withoutCovered(globs, budget), unsaid };
}

/** Returns the list without globs that the others cover, sorted by text; the same names match. */
export function withoutCovered(globs: readonly Glob[], budget: GlobBudget): readonly Glob[] {
  const byText = new Map<string, Glob>();
  for (const glob of globs) if (!byText.has(glob.expanded)) byText.set(glob.expanded, glob);
  const distinct = [...byText.values()].sort(byName);
  const index = new PathIndex(distinct);
  const dropped = new Set<Glob>();
  for (const glob of distinct) {
    const counts = (other: Glob) => other !== glob && !dropped.has(other);
    if (isShownCoveredByNear(glob, index, budget, counts)) dropped.add(glob);
  }
  return distinct.filter((glob) => !dropped.has(glob));
}

/** Returns those of `globs` that are not shown to be covered by `cover`. */
export function uncovered(globs: readonly Glob[], cover: readonly Glob[], budget: GlobBudget): readonly Glob[] {
  const index = PathIndex.of(cover);
  return globs.filter((glob) => !isShownCovered(glob, index, budget));
}

function byName(a: Glob, b: Glob): number {
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}
