import { haveCommonCall } from '../algebra/box.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { outcomeOf, sameOutcome } from '../algebra/outcome.ts';
import { boxOf } from '../algebra/rule-regions.ts';
import type { SeccompArg, SeccompProfile } from '../model.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';
import { loadDelay, loadedRules, lowHalf } from './load-cost.ts';
import type { LoadDoubt, LoadedRule } from './loaded-rule.ts';
import { namesThatLoseLoad } from './number-load.ts';
import { doubtAbout } from './reliability.ts';

/** Of more rules for one syscall not every pair is compared. */
const maxCompared = 128;

/**
 * Returns the syscalls whose entries libseccomp may load with another meaning than meaningOf reads,
 * or refuse. All others were found to load as written, by comparing its filters with the
 * specification.
 *
 * @param architectures those that the profile holds for, as SCMP_ARCH_*, the native one first, then
 * in their order.
 */
export function loadDoubts(profile: SeccompProfile, architectures: readonly string[]): ReadonlyMap<string, LoadDoubt> {
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const widths = new Set(architectures.map((name) => knownArchitectures.get(name)?.bits ?? 32));
  const entries = entriesOf(profile, byDefault);
  const doubts = new Map<string, LoadDoubt>();
  const added = [...entries].map(([name, rules]) => ({ name, isDecided: rules.some(({ args }) => args.length === 0) }));
  const [absent] = namesThatLoseLoad(added, architectures);
  const lost = absent && `libseccomp may lose every rule over ${absent}, which not every listed architecture has`;
  for (const [name, rules] of entries) {
    const own = [...widths].map((bits) => doubtOf(rules.flatMap((rule) => loadedAs(rule, bits))));
    const why = lost ?? own.find((reason) => reason !== undefined);
    if (why === undefined) continue;
    const outcomes = [byDefault, ...rules.map(({ outcome }) => outcome)];
    doubts.set(name, { why, outcomes, dependsOnOthers: lost !== undefined });
  }
  return doubts;
}

/**
 * Returns why libseccomp may load the rules of one syscall otherwise than written; undefined if it
 * does not.
 */
function doubtOf(rules: readonly LoadedRule[]): string | undefined {
  // A rule without conditions decides alone.
  if (rules.length < 2 || rules.some(({ conditions }) => conditions.length === 0)) return undefined;
  const conditions = rules.map((rule) => rule.conditions);
  if (loadDelay(conditions) !== undefined) return 'libseccomp may never load these conditions';
  if (doubtAbout(conditions) !== undefined) return 'libseccomp may join these conditions wrongly';
  return overlap(rules) ? 'entries with different actions overlap, and which one holds is not defined' : undefined;
}

interface Entry {
  readonly args: readonly SeccompArg[];
  readonly outcome: Outcome;
}

/** Returns the entries of each syscall that runtimes add, in their order. */
function entriesOf({ syscalls = [] }: SeccompProfile, byDefault: Outcome): ReadonlyMap<string, readonly Entry[]> {
  const entries = new Map<string, Entry[]>();
  for (const { names, action, errnoRet, args = [] } of syscalls) {
    const outcome = outcomeOf(action, errnoRet);
    if (sameOutcome(outcome, byDefault)) continue;
    const entry = { args, outcome };
    for (const name of new Set(names)) {
      const known = entries.get(name);
      if (known === undefined) entries.set(name, [entry]);
      else known.push(entry);
    }
  }
  return entries;
}

function loadedAs({ args, outcome }: Entry, bits: 32 | 64): readonly LoadedRule[] {
  const rules = args.length === 0 ? [args] : loadedRules(bits === 32 ? args.map(lowHalf) : args);
  return rules.map((conditions) => ({ conditions, outcome }));
}

function overlap(rules: readonly LoadedRule[]): boolean {
  const [first] = rules;
  if (first === undefined || rules.every(({ outcome }) => sameOutcome(outcome, first.outcome))) return false;
  if (rules.length > maxCompared) return true;
  const boxes = rules.flatMap(({ conditions, outcome }) => {
    const box = boxOf(conditions);
    return box === undefined ? [] : [{ box, outcome }];
  });
  return boxes.some((a, index) =>
    boxes.slice(index + 1).some((b) => !sameOutcome(a.outcome, b.outcome) && haveCommonCall(a.box, b.box)),
  );
}
