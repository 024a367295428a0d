import { isCovered, mayMeet } from './glob/automaton.ts';
import type { Budget } from './glob/budget.ts';
import { within } from './glob/budget.ts';
import { intersectGlobs } from './glob/intersect-globs.ts';
import type { Glob } from './glob/parse-glob.ts';
import { limits } from './vocabulary.ts';

/** What one question may take: enough for all but globs that were made to be hard. */
const mostSteps = 20_000;

/** Whether the others are shown to cover the glob, together. */
function isShownCovered(glob: Glob, others: readonly Glob[], budget: Budget): boolean {
  return within(budget, mostSteps, (part) => isCovered(glob, others, part)) ?? false;
}

/** Path lists may be long: this finds the few globs of one that can have names in common with a given glob. */
export class PathIndex {
  readonly #folders = new Map<string, Glob[]>();
  readonly #all: readonly Glob[];

  constructor(globs: readonly Glob[]) {
    this.#all = globs;
    for (const glob of globs) {
      const folder = folderOf(glob);
      const list = this.#folders.get(folder);
      if (list === undefined) this.#folders.set(folder, [glob]);
      else list.push(glob);
    }
  }

  near(glob: Glob): readonly Glob[] {
    const folder = folderOf(glob);
    if (folder === '') return this.#all.filter((candidate) => mayMeet(glob, candidate));
    const inside = this.#folders.get(folder) ?? [];
    const anywhere = this.#folders.get('') ?? [];
    return [...inside, ...anywhere].filter((candidate) => mayMeet(glob, candidate));
  }
}

/** The first component, where it is literal: `/etc/` of `/etc/*.conf`; a lone one is `/init`. */
function folderOf(glob: Glob): string {
  const end = glob.prefix.indexOf('/', 1);
  if (end !== -1) return glob.prefix.slice(0, end + 1);
  return glob.literal ? glob.prefix : '';
}

/** What two path lists have in common, and which globs of the first lost names only because it was too much to say. */
export interface ListIntersection {
  readonly globs: readonly Glob[];
  readonly unsaid: readonly Glob[];
}

/**
 * The globs that match what a glob of each list matches, as few as can be told. A glob that the other list covers stays
 * as it is written; of globs that overlap, the common part is worked out.
 */
export function intersectLists(first: readonly Glob[], second: readonly Glob[], budget: Budget): ListIntersection {
  const inFirst = new PathIndex(first);
  const inSecond = new PathIndex(second);
  const globs: Glob[] = [];
  const unsaid: Glob[] = [];
  const cut = first.filter((glob) => {
    const covered = isShownCovered(glob, inSecond.near(glob), budget);
    if (covered) globs.push(glob);
    return !covered;
  });
  const whole = new Set<Glob>();
  for (const glob of second) {
    if (!isShownCovered(glob, inFirst.near(glob), budget)) continue;
    whole.add(glob);
    globs.push(glob);
  }
  for (const glob of cut) {
    for (const other of inSecond.near(glob)) {
      if (whole.has(other)) continue;
      const pieces = within(budget, mostSteps, (part) => intersectGlobs(glob, other, part));
      if (pieces === undefined || globs.length + pieces.length > limits.paths) unsaid.push(glob);
      else globs.push(...pieces);
    }
  }
  return { globs: withoutCovered(globs, budget), unsaid };
}

/** The list without globs that the others cover, sorted by text; the same names match. */
export function withoutCovered(globs: readonly Glob[], budget: Budget): readonly Glob[] {
  const byText = new Map<string, Glob>();
  for (const glob of globs) if (!byText.has(glob.expanded)) byText.set(glob.expanded, glob);
  const distinct = [...byText.values()].sort(byName);
  const index = new PathIndex(distinct);
  const dropped = new Set<Glob>();
  for (const glob of distinct) {
    const others = index.near(glob).filter((other) => other !== glob && !dropped.has(other));
    if (others.length > 0 && isShownCovered(glob, others, budget)) dropped.add(glob);
  }
  return distinct.filter((glob) => !dropped.has(glob));
}

/** Those of `globs` that are not shown to be covered by `cover`. */
export function uncovered(globs: readonly Glob[], cover: readonly Glob[], budget: Budget): readonly Glob[] {
  const index = new PathIndex(cover);
  return globs.filter((glob) => !isShownCovered(glob, index.near(glob), budget));
}

function byName(a: Glob, b: Glob): number {
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}
