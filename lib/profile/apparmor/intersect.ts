import type { Accesses, AccessKind, Paths } from './access.ts';
import { accessesOf, networkOf, profileOf } from './access.ts';
import type { GlobBudget } from './glob/budget.ts';
import { newBudget } from './glob/budget.ts';
import type { AppArmorProfile } from './model.ts';
import { intersectLists, uncovered } from './path-list.ts';

/**
 * A path that lost more than it had to, because the exact result cannot be expressed, or is too
 * large.
 */
export interface Shortfall {
  readonly kind: AccessKind;
  readonly path: string;
}

/** An intersection, and where it is stricter than the strictest input. */
export interface AppArmorIntersection {
  readonly profile: AppArmorProfile;
  readonly shortfalls: readonly Shortfall[];
}

/**
 * Returns the profile that permits what every input permits (KEP-6061, "Merge"): never looser than
 * one of them, and exact except for the shortfalls. A path stays permitted if both sides permit it,
 * with the meaning of AppArmor's globs. An input in complain mode denies nothing, and so constrains
 * nothing as long as another one enforces.
 *
 * @param budget of the operation that this is part of. Without inputs, everything is permitted.
 */
export function intersectAppArmor(inputs: readonly AppArmorProfile[], budget = newBudget()): AppArmorIntersection {
  const enforced = inputs.filter(({ mode }) => mode === 'Enforce');
  const counting = enforced.length > 0 ? enforced : inputs;
  const shortfalls: Shortfall[] = [];
  const [first, ...others] = counting.map(accessesOf);
  if (first === undefined) return { profile: { mode: 'Enforce' }, shortfalls };
  let result = first;
  for (const other of others) result = intersectAccesses(result, other, budget, shortfalls);
  return { profile: profileOf(result, budget), shortfalls };
}

function intersectAccesses(a: Accesses, b: Accesses, budget: GlobBudget, shortfalls: Shortfall[]): Accesses {
  const common = (kind: AccessKind, left: Paths, right: Paths): Paths => {
    if (left === 'all') return right;
    if (right === 'all') return left;
    const { globs, unsaid } = intersectLists(left, right, budget);
    for (const { text } of unsaid) shortfalls.push({ kind, path: text });
    return globs;
  };
  const read = common('read', a.paths.read, b.paths.read);
  const write = common('write', a.paths.write, b.paths.write);
  // The format has no executable that may not be read. That can result only if one side lists
  // executables, and the other does not mention them but limits reading.
  const limitsReadingOnly = [a, b].some(({ paths }) => paths.execute === 'all' && paths.read !== 'all');
  const readable = (kind: AccessKind, paths: Paths): Paths => {
    if (!limitsReadingOnly || paths === 'all' || read === 'all') return paths;
    const { globs } = intersectLists(paths, read, budget);
    for (const { text } of uncovered(paths, globs, budget)) shortfalls.push({ kind, path: text });
    return globs;
  };
  const execute = readable('execute', common('execute', a.paths.execute, b.paths.execute));
  const map = readable('map', common('map', a.paths.map, b.paths.map));
  return {
    mode: a.mode,
    paths: { execute, map, read, write },
    network: intersectNetwork(a.network, b.network),
    capabilities: intersectSets(a.capabilities, b.capabilities),
  };
}

function intersectNetwork(a: Accesses['network'], b: Accesses['network']): Accesses['network'] {
  if (a === 'all') return b;
  return b === 'all' ? a : networkOf((name) => a[name] && b[name]);
}

function intersectSets(a: Accesses['capabilities'], b: Accesses['capabilities']): Accesses['capabilities'] {
  if (a === 'all') return b;
  return b === 'all' ? a : new Set([...a].filter((name) => b.has(name)));
}
