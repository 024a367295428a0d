import type { Finding } from '../finding.ts';
import { info, warning } from '../finding.ts';
import type { AccessKind } from './access.ts';
import { globsOf } from './access.ts';
import { meet } from './glob/automaton.ts';
import type { GlobBudget } from './glob/budget.ts';
import { newBudget, within } from './glob/budget.ts';
import { isCovered } from './glob/cover.ts';
import type { Glob } from './glob/glob.ts';
import { intersectGlobs } from './glob/intersect-globs.ts';
import type { AppArmorProfile } from './model.ts';
import { PathIndex } from './path-index.ts';
import { isShownCovered } from './path-list.ts';
import { deniedPaths } from './runtime-default.ts';

const [anyFile] = globsOf(['/**']) as readonly [Glob];

type ListName = 'allowedExecutables' | 'allowedLibraries' | 'readOnlyPaths' | 'writeOnlyPaths' | 'readWritePaths';

/**
 * For all paths together: some tenths of a second, since services lint between other requests. A
 * thousand usual paths take a tenth of it.
 */
const steps = 500_000;

/** What a list grants beyond mapping, which no rule denies. */
const granted: Readonly<Record<ListName, readonly Exclude<AccessKind, 'map'>[]>> = {
  allowedExecutables: ['execute', 'read'],
  allowedLibraries: ['read'],
  readOnlyPaths: ['read'],
  writeOnlyPaths: ['write'],
  readWritePaths: ['read', 'write'],
};

/** The list that grants all that a list grants and more, and what more. */
const wider: Partial<Record<ListName, readonly [list: ListName, more: string]>> = {
  allowedLibraries: ['allowedExecutables', 'executed'],
  readOnlyPaths: ['readWritePaths', 'written'],
  writeOnlyPaths: ['readWritePaths', 'read'],
};

interface Listed {
  readonly glob: Glob;
  readonly pointer: string;
  readonly list: ListName;
}

type Indexes = Readonly<Record<ListName, PathIndex>>;

/**
 * Returns the findings about the paths of a profile and what they mean together; the codes are
 * listed at lintAppArmor.
 */
export function lintPaths({ mode, executable, filesystem }: AppArmorProfile): readonly Finding[] {
  const budget = { ...newBudget(), left: steps };
  const lists: Readonly<Record<ListName, readonly Listed[]>> = {
    allowedExecutables: listOf('executable', 'allowedExecutables', executable?.allowedExecutables),
    allowedLibraries: listOf('executable', 'allowedLibraries', executable?.allowedLibraries),
    readOnlyPaths: listOf('filesystem', 'readOnlyPaths', filesystem?.readOnlyPaths),
    writeOnlyPaths: listOf('filesystem', 'writeOnlyPaths', filesystem?.writeOnlyPaths),
    readWritePaths: listOf('filesystem', 'readWritePaths', filesystem?.readWritePaths),
  };
  const indexes = Object.fromEntries(
    Object.entries(lists).map(([name, listed]) => [name, new PathIndex(listed.map(({ glob }) => glob))]),
  ) as Indexes;
  const all = Object.values(lists);
  return [
    ...all.flatMap((listed) => lintRepeats(listed, indexes, budget)),
    ...lists.allowedExecutables.flatMap((listed) => lintExecuted(listed, budget)),
    ...[...lists.writeOnlyPaths, ...lists.readWritePaths].flatMap((listed) => lintWritten(listed, indexes, budget)),
    ...(mode === 'Enforce' ? all.flat().flatMap((listed) => lintDenied(listed, budget)) : []),
  ];
}

function listOf(section: string, list: ListName, paths: readonly string[] = []): readonly Listed[] {
  return globsOf(paths).map((glob, index) => ({ glob, list, pointer: `/${section}/${list}/${index}` }));
}

function lintRepeats(listed: readonly Listed[], indexes: Indexes, budget: GlobBudget): readonly Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const { glob, pointer, list } of listed) {
    const near = (indexes[list].near(glob, budget) ?? []).filter(({ expanded }) => expanded !== glob.expanded);
    const cover = near.find((other) => isCovered(glob, [other], budget) && !isCovered(other, [glob], budget));
    const [widerList, more] = wider[list] ?? [];
    const widerNear = widerList === undefined ? [] : indexes[widerList].near(glob, budget);
    const widerCover = widerNear?.find((other) => isCovered(glob, [other], budget));
    if (seen.has(glob.expanded)) findings.push(info('duplicate-path', pointer, `${glob.text} is listed twice`));
    else if (cover !== undefined) {
      findings.push(info('covered-path', pointer, `${glob.text} is already permitted by ${cover.text}`));
    } else if (widerCover !== undefined) {
      const message = `${glob.text} is already permitted by ${widerCover.text} of ${widerList}, and may be ${more} too`;
      findings.push(info('covered-path', pointer, message));
    }
    seen.add(glob.expanded);
  }
  return findings;
}

function lintExecuted({ glob, pointer }: Listed, budget: GlobBudget): readonly Finding[] {
  if (!isCovered(anyFile, [glob], budget)) return [];
  return [warning('executes-everywhere', pointer, `${glob.text} permits executing every file`)];
}

/** Returns what else may be done with a path that may be written. */
function lintWritten(listed: Listed, indexes: Indexes, budget: GlobBudget): readonly Finding[] {
  const { glob, pointer } = listed;
  const findings: Finding[] = [];
  if (isCovered(anyFile, [glob], budget)) {
    findings.push(warning('writes-everywhere', pointer, `${glob.text} permits writing every file`));
  }
  const executed = overlapWith(glob, indexes.allowedExecutables, budget);
  const mapped = executed ?? overlapWith(glob, indexes.allowedLibraries, budget);
  if (mapped !== undefined) {
    const how = executed === undefined ? 'mapped as code' : 'executed';
    const message = `${mapped.common} may be written and ${how}: a process can run what it wrote`;
    findings.push(warning('writable-executable', pointer, message));
  }
  return [...findings, ...lintReadOnly(listed, indexes.readOnlyPaths, budget)];
}

/**
 * Returns findings about paths that are also listed as read-only. Rules of AppArmor add up: what
 * any list grants is granted. The Security Profiles Operator writes deny rules for these lists
 * besides, so that the same profile means less there.
 */
function lintReadOnly({ glob, pointer, list }: Listed, readOnly: PathIndex, budget: GlobBudget): readonly Finding[] {
  const isWriteOnly = list === 'writeOnlyPaths';
  // A read-only path that a writable one covers is reported at its own place.
  const overlap = overlapWith(glob, readOnly, budget, (other) => isWriteOnly || !isCovered(other, [glob], budget));
  if (overlap === undefined) return [];
  const { common, other } = overlap;
  const reason = 'all lists that match a path apply together';
  if (isWriteOnly) {
    const message = `${common} may be read as well as written, since ${other.text} of readOnlyPaths matches it: ${reason}. The Security Profiles Operator denies both`;
    return [warning('read-and-write', pointer, message)];
  }
  const message = `${common} may be written, although ${other.text} of readOnlyPaths matches it: ${reason}. The Security Profiles Operator denies writing`;
  return [info('read-and-write', pointer, message)];
}

interface Overlap {
  readonly other: Glob;
  /** Names that both match. */
  readonly common: string;
}

/** What one question about two globs may take. */
const mostSteps = 20_000;

/**
 * Returns a glob of an index that matches a name which the given one matches, too; of several the
 * first.
 */
function overlapWith(
  glob: Glob,
  index: PathIndex,
  budget: GlobBudget,
  counts: (other: Glob) => boolean = () => true,
): Overlap | undefined {
  for (const other of index.near(glob, budget) ?? []) {
    if (!within(budget, mostSteps, (part) => meet(glob, other, part)) || !counts(other)) continue;
    const pieces = within(budget, mostSteps, (part) => intersectGlobs(glob, other, part));
    return { other, common: pieces?.[0]?.text ?? glob.text };
  }
  return undefined;
}

const deniedFor = {
  execute: deniedGlobs('x'),
  read: deniedGlobs('r'),
  write: deniedGlobs('w'),
};

function deniedGlobs(permission: string): PathIndex {
  const denied = deniedPaths.filter(({ permissions }) => permissions.includes(permission));
  return new PathIndex(globsOf(denied.map(({ path }) => path)));
}

const gerunds = { execute: 'executing', read: 'reading', write: 'writing' } as const;

/**
 * Returns findings about paths that the default rules of every policy deny, whatever a profile
 * lists.
 */
function lintDenied({ glob, pointer, list }: Listed, budget: GlobBudget): readonly Finding[] {
  const denied = granted[list].filter((kind) => isShownCovered(glob, deniedFor[kind], budget));
  if (denied.length === 0) return [];
  const what = denied.map((kind) => gerunds[kind]).join(' and ');
  const message = `${glob.text} stays denied for ${what}, as in the runtime's default: every policy has rules for that`;
  return [warning('never-permitted', pointer, message)];
}
