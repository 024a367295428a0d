import { fullBudget } from '../algebra/budget.ts';
import { decisionOf, meaningOf } from '../algebra/meaning.ts';
import { outcomeOf, sameOutcome } from '../algebra/outcome.ts';
import { encodeDecision } from '../libseccomp/encode.ts';
import type { EncodedRule } from '../libseccomp/encoding.ts';
import { inFixedOrder, reconditioned } from '../libseccomp/multiplexer.ts';
import type { SeccompProfile, SeccompRule } from '../model.ts';
import { conflictingSyscalls } from '../read/portability-violations.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';

/**
 * Returns the profile with other entries, which mean the same, for syscalls that have different
 * results in a shape that other runtimes refuse: if an entry without conditions decides, with that
 * one alone; else with entries that exclude each other. Syscalls for which no accepted shape has
 * the same meaning keep theirs.
 */
export function withoutConflicts(profile: SeccompProfile): SeccompProfile {
  const { syscalls = [], architectures: listed = [] } = profile;
  const conflicting = conflictingSyscalls(profile);
  if (conflicting.size === 0) return profile;
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const loaded = syscalls.filter(({ action, errnoRet }) => !sameOutcome(outcomeOf(action, errnoRet), byDefault));
  // libseccomp adds the rules of these to socketcall and ipc too, in their order.
  const untouched = new Set([...reconditioned(loaded, listed), ...inFixedOrder(loaded, listed)]);
  const meaning = meaningOf(profile);
  // A profile that lists none is for the machine that it comes to.
  const has32Bit = listed.length === 0 || listed.some((name) => knownArchitectures.get(name)?.bits !== 64);
  const budget = fullBudget();
  const replacements = new Map<string, readonly SeccompRule[]>();
  for (const name of conflicting) {
    if (untouched.has(name)) continue;
    const { rules, exact } = encodeDecision(decisionOf(meaning, name), byDefault, has32Bit, budget);
    // Runtimes look at the names of entries without an effect too.
    const own = (rules.length > 0 ? rules : [{ args: [], outcome: byDefault }]).map((rule) => written(name, rule));
    if (exact && conflictingSyscalls({ ...profile, syscalls: own }).size === 0) replacements.set(name, own);
  }
  return replacements.size === 0 ? profile : { ...profile, syscalls: replaced(syscalls, replacements) };
}

/**
 * Returns the entries with those of some syscalls in place of their own, each where its first one
 * is.
 */
function replaced(
  entries: readonly SeccompRule[],
  replacements: ReadonlyMap<string, readonly SeccompRule[]>,
): readonly SeccompRule[] {
  const done = new Set<string>();
  return entries.flatMap((entry) => {
    const kept = entry.names.filter((name) => !replacements.has(name));
    if (kept.length === entry.names.length) return [entry];
    const added = entry.names.flatMap((name) => {
      if (done.has(name)) return [];
      done.add(name);
      return replacements.get(name) ?? [];
    });
    return kept.length === 0 ? added : [{ ...entry, names: kept }, ...added];
  });
}

function written(name: string, { args, outcome: { action, errno } }: EncodedRule): SeccompRule {
  return {
    names: [name],
    action,
    ...(errno !== undefined && { errnoRet: errno }),
    ...(args.length > 0 && { args }),
  };
}
