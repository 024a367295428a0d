import type { Accesses, Paths } from './access.ts';
import { accessesOf, accessKinds } from './access.ts';
import type { GlobBudget } from './glob/budget.ts';
import { newBudget } from './glob/budget.ts';
import type { AppArmorProfile, NetworkRules } from './model.ts';
import { uncovered } from './path-list.ts';

/** One difference in meaning. */
export interface AppArmorChange {
  readonly change: 'loosened' | 'tightened';
  /**
   * `read /etc/**`, `execute any path`, `capability net_admin`, `network tcp`, or `mode Complain`.
   */
  readonly subject: string;
}

/**
 * Returns what is permitted under `after` and was not under `before` (loosened), and the other way
 * round (tightened): mode, paths by kind of access, network, capabilities; sorted by path within a
 * kind. Spelling, order and paths that others cover do not count. A path counts as soon as a name
 * that it matches is new, or if that cannot be decided.
 */
export function diffAppArmor(before: AppArmorProfile, after: AppArmorProfile): readonly AppArmorChange[] {
  const old = accessesOf(before);
  const now = accessesOf(after);
  return [
    ...gained(old, now).map((subject) => ({ change: 'loosened', subject }) as const),
    ...gained(now, old).map((subject) => ({ change: 'tightened', subject }) as const),
  ];
}

/**
 * Reports whether two profiles permit the same. If that cannot be decided, they are treated as
 * different.
 */
export function equalsAppArmor(a: AppArmorProfile, b: AppArmorProfile): boolean {
  return diffAppArmor(a, b).length === 0;
}

/** Returns what `to` permits and `from` does not. */
function gained(from: Accesses, to: Accesses): readonly string[] {
  const budget = newBudget();
  const found: string[] = [];
  if (from.mode === 'Enforce' && to.mode === 'Complain') found.push('mode Complain');
  for (const kind of accessKinds) {
    for (const path of gainedPaths(from.paths[kind], to.paths[kind], budget)) found.push(`${kind} ${path}`);
  }
  for (const [name, word] of networkWords) {
    const permits = (rules: Accesses['network']) => rules === 'all' || rules[name];
    if (permits(to.network) && !permits(from.network)) found.push(`network ${word}`);
  }
  if (to.network === 'all' && from.network !== 'all') found.push('network of other kinds');
  if (from.capabilities === 'all') return found;
  const { capabilities } = to;
  if (capabilities === 'all') return [...found, 'capability any'];
  for (const name of [...capabilities].sort()) {
    if (!from.capabilities.has(name)) found.push(`capability ${name}`);
  }
  return found;
}

const networkWords: readonly (readonly [keyof NetworkRules, string])[] = [
  ['allowRaw', 'raw'],
  ['allowTcp', 'tcp'],
  ['allowUdp', 'udp'],
];

function gainedPaths(from: Paths, to: Paths, budget: GlobBudget): readonly string[] {
  if (from === 'all') return [];
  if (to === 'all') return ['any path'];
  return [...new Set(uncovered(to, from, budget).map(({ text }) => text))].sort();
}
