import type { Budget } from '../algebra/budget.ts';
import { fullBudget } from '../algebra/budget.ts';
import type { Decision } from '../algebra/decision.ts';
import type { Meaning } from '../algebra/meaning.ts';
import { meaningOf } from '../algebra/meaning.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { defaultErrno, outcomeOf, sameOutcome } from '../algebra/outcome.ts';
import { withoutIncluded } from '../algebra/regions.ts';
import { encodeDecision } from '../libseccomp/encode.ts';
import type { Encoding } from '../libseccomp/encoding.ts';
import { inFixedOrder, reconditioned } from '../libseccomp/multiplexer.ts';
import { namedDefault } from '../libseccomp/named-default.ts';
import { inLoadOrder, namesThatLoseLoad } from '../libseccomp/number-load.ts';
import { entriesOf } from '../libseccomp/rule-list.ts';
import type { SeccompProfile, SeccompRule } from '../model.ts';
import { SyscallIds } from '../tables/syscall-ids.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';

/**
 * Returns the shortest form of a profile that means the same: entries without effect are gone,
 * syscalls with the same rules share an entry, names and lists are sorted, conditions are in shapes
 * that libseccomp joins rightly. Syscalls whose conditions cannot be written in fewer rules, or in
 * reasonable time, keep theirs in their order. A profile of which libseccomp may lose all rules is
 * returned as it is.
 */
export function minimize(profile: SeccompProfile, nativeArchitecture: string): SeccompProfile {
  const budget = fullBudget();
  let shortest = rewrite(profile, nativeArchitecture, budget);
  // What was one range may have become blocks, of which some lie in others.
  for (;;) {
    const shorter = rewrite(shortest, nativeArchitecture, budget);
    if ((shorter.syscalls ?? []).length >= (shortest.syscalls ?? []).length) break;
    shortest = shorter;
  }
  return mayLoseLoad(shortest, nativeArchitecture) ? profile : shortest;
}

/**
 * Reports whether libseccomp may lose all rules, which depends on how many each syscall has; see
 * keepNumberLoad.
 */
function mayLoseLoad(profile: SeccompProfile, nativeArchitecture: string): boolean {
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const added = withEffect(profile, byDefault).flatMap(({ names, args = [] }) => {
    return names.map((name) => ({ name, isDecided: args.length === 0 }));
  });
  return namesThatLoseLoad(added, [nativeArchitecture, ...(profile.architectures ?? [])]).length > 0;
}

function rewrite(profile: SeccompProfile, nativeArchitecture: string, budget: Budget): SeccompProfile {
  const meaning = meaningOf(profile);
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const own = withEffect(profile, byDefault);
  const encodings = encodingsOf(profile, meaning, nativeArchitecture, budget);
  const ids = new SyscallIds();
  const written = new Map<Encoding, number[]>();
  const kept = new Set<string>();
  const silent = new Set((profile.syscalls ?? []).flatMap(({ names }) => names));
  const counts = countsOf(own);
  // Conditions that no call meets may still count for calls through socketcall and ipc.
  const listed = [nativeArchitecture, ...(profile.architectures ?? [])];
  const untouched = new Set([...reconditioned(own, listed), ...inFixedOrder(own, listed)]);
  for (const name of [...meaning.decisions.keys()].sort()) {
    const decision = meaning.decisions.get(name);
    const encoding = encodings.get(name);
    if (decision === undefined || encoding === undefined) continue;
    const isShorter = decision.regions.length === 0 || encoding.rules.length <= (counts.get(name) ?? 0);
    if (!encoding.exact || !isShorter || untouched.has(name)) kept.add(name);
    else append(written, encoding, ids.idOf(name));
    if (kept.has(name) || encoding.rules.length > 0) silent.delete(name);
  }
  const { architectures, flags, listenerPath, listenerMetadata } = profile;
  const groups = [...written].map(([encoding, syscalls]) => ({ syscalls, encoding }));
  const entries = [...entriesOf(groups, ids), ...only(own, kept, untouched), ...namedDefault(silent, byDefault)];
  const syscalls = entries.map(withoutDefaultErrno);
  return {
    defaultAction: byDefault.action,
    ...(byDefault.errno === undefined || byDefault.errno === defaultErrno ? {} : { defaultErrnoRet: byDefault.errno }),
    ...(architectures === undefined || architectures.length === 0 ? {} : { architectures: inLoadOrder(architectures) }),
    // An empty list is not an absent one; see flagsInEffect.
    ...(flags === undefined ? {} : { flags: [...new Set(flags)].sort() }),
    ...(listenerPath === undefined ? {} : { listenerPath }),
    ...(listenerMetadata === undefined ? {} : { listenerMetadata }),
    ...(syscalls.length === 0 ? {} : { syscalls }),
  };
}

function append(written: Map<Encoding, number[]>, encoding: Encoding, syscall: number): void {
  const syscalls = written.get(encoding);
  if (syscalls === undefined) written.set(encoding, [syscall]);
  else syscalls.push(syscall);
}

/**
 * Returns the new rules of each syscall, those with the fewest conditions first: the budget then
 * lasts for most.
 */
function encodingsOf(
  profile: SeccompProfile,
  { decisions, otherwise: { otherwise } }: Meaning,
  nativeArchitecture: string,
  budget: Budget,
): ReadonlyMap<string, Encoding> {
  const listed = [nativeArchitecture, ...(profile.architectures ?? [])];
  const has32Bit = listed.some((name) => knownArchitectures.get(name)?.bits !== 64);
  const encodings = new Map<string, Encoding>();
  const known = new Map<Decision, Encoding>();
  const inOrder = [...decisions].sort(
    ([a, { regions: few }], [b, { regions: many }]) => few.length - many.length || (a < b ? -1 : 1),
  );
  for (const [name, decision] of inOrder) {
    let encoding = known.get(decision);
    if (encoding === undefined) {
      // Where 32-bit architectures cut values, a region may lie in another for some programs and
      // not for others.
      const regions = decision.wide ? decision.regions : withoutIncluded(decision.regions, budget);
      encoding = encodeDecision({ ...decision, regions }, otherwise, has32Bit, budget);
      known.set(decision, encoding);
    }
    encodings.set(name, encoding);
  }
  return encodings;
}

function withEffect({ syscalls = [] }: SeccompProfile, byDefault: Outcome): readonly SeccompRule[] {
  return syscalls.filter(({ action, errnoRet }) => !sameOutcome(outcomeOf(action, errnoRet), byDefault));
}

/** Returns how many entries each syscall has. */
function countsOf(entries: readonly SeccompRule[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { names } of entries) for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/**
 * Returns the entries for some syscalls alone, with sorted names, except where the order of one may
 * count.
 */
function only(
  entries: readonly SeccompRule[],
  syscalls: ReadonlySet<string>,
  inOrder: ReadonlySet<string>,
): readonly SeccompRule[] {
  if (syscalls.size === 0) return [];
  return entries.flatMap((entry) => {
    const names = [...new Set(entry.names)].filter((name) => syscalls.has(name));
    if (!names.some((name) => inOrder.has(name))) names.sort();
    return names.length === 0 ? [] : [{ ...entry, names }];
  });
}

/** Returns a rule without an error number that runtimes use anyway or ignore. */
function withoutDefaultErrno({ errnoRet, ...rule }: SeccompRule): SeccompRule {
  const { errno } = outcomeOf(rule.action, errnoRet);
  return errno === undefined || errno === defaultErrno ? rule : { ...rule, errnoRet: errno };
}
