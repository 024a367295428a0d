import type { SeccompProfile, SeccompRule } from './model.ts';
import { type Union, unionSeccomp } from './union.ts';

/**
 * Returns a profile with the syscalls of the base profile that it names, as the Security Profiles
 * Operator documents `baseProfileName`: a syscall that only one of them names is treated as that
 * one specifies; one that both name is treated as laxly as the laxer of them. Everything else
 * (default action, architectures, flags, listener) is that of the profile, and the base's is
 * ignored. `inexact` has the syscalls that both name and for which the result is laxer than either,
 * since the format cannot express the conditions of both.
 *
 * @param nativeArchitecture what runtimes add if no architectures are listed, as SCMP_ARCH_*.
 */
export function addBase(profile: SeccompProfile, base: SeccompProfile, nativeArchitecture: string): Union {
  const own = profile.syscalls ?? [];
  const added = base.syscalls ?? [];
  const ofBase = namesIn(added);
  const shared = new Set([...namesIn(own)].filter((name) => ofBase.has(name)));
  // The rules of the base are read with the profile's default, which applies to what they leave.
  const about = (rules: readonly SeccompRule[]): SeccompProfile => ({ ...profile, syscalls: only(shared, rules) });
  if (shared.size === 0) return { profile: { ...profile, syscalls: [...own, ...added] }, inexact: [] };
  const united = unionSeccomp([about(own), about(added)], nativeArchitecture);
  const syscalls = [...without(shared, own), ...without(shared, added), ...(united.profile.syscalls ?? [])];
  return { profile: { ...profile, syscalls }, inexact: united.inexact };
}

function namesIn(rules: readonly SeccompRule[]): Set<string> {
  return new Set(rules.flatMap(({ names }) => names));
}

function only(names: ReadonlySet<string>, rules: readonly SeccompRule[]): readonly SeccompRule[] {
  return select(rules, (name) => names.has(name));
}

function without(names: ReadonlySet<string>, rules: readonly SeccompRule[]): readonly SeccompRule[] {
  return select(rules, (name) => !names.has(name));
}

/** Returns the rules for the selected syscalls. */
function select(rules: readonly SeccompRule[], isSelected: (name: string) => boolean): readonly SeccompRule[] {
  return rules.flatMap((rule) => {
    const names = rule.names.filter(isSelected);
    return names.length === 0 ? [] : [{ ...rule, names }];
  });
}
