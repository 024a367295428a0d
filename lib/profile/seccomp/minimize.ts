import { unlimited } from './budget.ts';
import { encodeDecision } from './encode.ts';
import { meaningOf } from './meaning.ts';
import type { SeccompProfile, SeccompRule } from './model.ts';
import { outcomeOf, sameOutcome } from './outcome.ts';
import { withoutIncluded } from './regions.ts';
import { RuleList } from './rule-list.ts';
import { architectures as knownArchitectures } from './vocabulary.ts';

/**
 * The shortest form of a profile that means the same: entries without effect are gone, syscalls with the same rules
 * share an entry, names and lists are sorted, conditions are in shapes that libseccomp joins rightly. Syscalls whose
 * conditions cannot be written anew in fewer rules keep theirs.
 */
export function minimize(profile: SeccompProfile, nativeArchitecture: string): SeccompProfile {
  let shortest = rewrite(profile, nativeArchitecture);
  // What was one range may have become blocks, of which some lie in others.
  for (;;) {
    const shorter = rewrite(shortest, nativeArchitecture);
    if ((shorter.syscalls ?? []).length >= (shortest.syscalls ?? []).length) return shortest;
    shortest = shorter;
  }
}

function rewrite(profile: SeccompProfile, nativeArchitecture: string): SeccompProfile {
  const meaning = meaningOf(profile);
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const listed = [nativeArchitecture, ...(profile.architectures ?? [])];
  const has32Bit = listed.some((name) => knownArchitectures.get(name)?.bits !== 64);
  const rules = new RuleList();
  const kept: SeccompRule[] = [];
  for (const [name, decision] of [...meaning.decisions].sort(([a], [b]) => (a < b ? -1 : 1))) {
    // Where 32-bit architectures cut values, a region may lie in another for some programs and not for others.
    const regions = decision.wide ? decision.regions : withoutIncluded(decision.regions, unlimited);
    const encoding = encodeDecision({ ...decision, regions }, byDefault, has32Bit);
    const own = decision.regions.length === 0 ? [] : conditionsOf(profile, name);
    if (encoding.exact && (own.length === 0 || encoding.rules.length <= own.length)) rules.add(name, encoding);
    else kept.push(...own);
  }
  const { architectures, flags, listenerPath, listenerMetadata } = profile;
  const syscalls = [...rules.entries(), ...kept];
  return {
    defaultAction: byDefault.action,
    ...(byDefault.errno === undefined ? {} : { defaultErrnoRet: byDefault.errno }),
    ...(architectures === undefined || architectures.length === 0
      ? {}
      : { architectures: [...new Set(architectures)].sort() }),
    ...(flags === undefined || flags.length === 0 ? {} : { flags: [...new Set(flags)].sort() }),
    ...(listenerPath === undefined ? {} : { listenerPath }),
    ...(listenerMetadata === undefined ? {} : { listenerMetadata }),
    ...(syscalls.length === 0 ? {} : { syscalls }),
  };
}

/** A syscall's own entries with effect, each for it alone. */
function conditionsOf(profile: SeccompProfile, name: string): readonly SeccompRule[] {
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  return (profile.syscalls ?? []).flatMap((rule) => {
    if (!rule.names.includes(name)) return [];
    return sameOutcome(outcomeOf(rule.action, rule.errnoRet), byDefault) ? [] : [{ ...rule, names: [name] }];
  });
}
