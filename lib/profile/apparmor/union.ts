import type { Accesses, AccessKind, Paths } from './access.ts';
import { accessesOf, accessKinds, networkOf, profileOf } from './access.ts';
import type { GlobBudget } from './glob/budget.ts';
import { newBudget } from './glob/budget.ts';
import type { Glob } from './glob/glob.ts';
import type { AppArmorProfile } from './model.ts';
import { withoutCovered } from './path-list.ts';

/**
 * So often a union is taken apart and put together again at most; two times are enough for all but
 * contrived globs.
 */
const maxPasses = 8;

/**
 * Returns the profile that permits what any input permits: what recordings of several runs are
 * merged with. In complain mode as soon as one input is. Without inputs, nothing is permitted. The
 * union of a union is the same text.
 */
export function unionAppArmor(inputs: readonly AppArmorProfile[]): AppArmorProfile {
  const budget = newBudget();
  let union = unionOnce(inputs, budget);
  // A path that moved from one list to another can cover more there than it did before.
  for (let pass = 1; pass < maxPasses && budget.left > 0; pass++) {
    const next = unionOnce([union], budget);
    if (JSON.stringify(next) === JSON.stringify(union)) break;
    union = next;
  }
  return union;
}

function unionOnce(inputs: readonly AppArmorProfile[], budget: GlobBudget): AppArmorProfile {
  const all = inputs.map(accessesOf);
  const paths = (kind: AccessKind): Paths => {
    const lists: (readonly Glob[])[] = [];
    for (const accesses of all) {
      const list = accesses.paths[kind];
      if (list === 'all') return 'all';
      lists.push(list);
    }
    return withoutCovered(lists.flat(), budget);
  };
  const [execute, map, read, write] = accessKinds.map(paths);
  const union: Accesses = {
    mode: inputs.some(({ mode }) => mode === 'Complain') ? 'Complain' : 'Enforce',
    paths: { execute: execute ?? [], map: map ?? [], read: read ?? [], write: write ?? [] },
    network: all.map(({ network }) => network).reduce(unionNetwork, nothing),
    capabilities: unionSets(all.map(({ capabilities }) => capabilities)),
  };
  return profileOf(union, budget);
}

const nothing: Accesses['network'] = { allowRaw: false, allowTcp: false, allowUdp: false };

function unionNetwork(a: Accesses['network'], b: Accesses['network']): Accesses['network'] {
  return a === 'all' || b === 'all' ? 'all' : networkOf((name) => a[name] || b[name]);
}

function unionSets(sets: readonly Accesses['capabilities'][]): Accesses['capabilities'] {
  const names: string[] = [];
  for (const set of sets) {
    if (set === 'all') return 'all';
    names.push(...set);
  }
  return new Set(names);
}
