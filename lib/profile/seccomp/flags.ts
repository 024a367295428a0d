import type { SeccompProfile } from './model.ts';

export const specAllow = 'SECCOMP_FILTER_FLAG_SPEC_ALLOW';
const log = 'SECCOMP_FILTER_FLAG_LOG';
const tsync = 'SECCOMP_FILTER_FLAG_TSYNC';
const waitKillable = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';

/**
 * Returns the filter flags that runtimes set for a profile. An absent list is not an empty one:
 * runc 1.2 and newer, and crun, set SPEC_ALLOW if the list is absent. TSYNC is left out, since
 * runtimes synchronize threads in any case.
 */
export function flagsInEffect({ flags }: Pick<SeccompProfile, 'flags'>): ReadonlySet<string> {
  const set = new Set(flags ?? [specAllow]);
  set.delete(tsync);
  return set;
}

/**
 * Returns the flags of an intersection: SPEC_ALLOW, which weakens, if it is in effect for all
 * inputs; LOG, which only reports, if it is for any; WAIT_KILLABLE_RECV as the owner of the
 * listener has it.
 */
export function intersectFlags(
  inputs: readonly SeccompProfile[],
  listener: SeccompProfile | undefined,
): ReadonlySet<string> {
  const sets = inputs.map(flagsInEffect);
  const kept = new Set<string>();
  if (sets.some((set) => set.has(log))) kept.add(log);
  if (sets.every((set) => set.has(specAllow))) kept.add(specAllow);
  if (listener?.flags?.includes(waitKillable)) kept.add(waitKillable);
  return kept;
}

/**
 * Returns the flags of a union: SPEC_ALLOW if it is in effect for any input, every other flag if it
 * is for all.
 */
export function uniteFlags(inputs: readonly SeccompProfile[]): ReadonlySet<string> {
  const sets = inputs.map(flagsInEffect);
  const some = sets.flatMap((set) => [...set]);
  return new Set(some.filter((flag) => flag === specAllow || sets.every((set) => set.has(flag))));
}

/**
 * Returns the `flags` field that has certain flags in effect. SPEC_ALLOW alone is written as an
 * absent field, which runtimes take that know no flags (runc 1.1); no flags are written as an empty
 * list.
 */
export function flagsField(inEffect: ReadonlySet<string>): Pick<SeccompProfile, 'flags'> {
  if (inEffect.size === 1 && inEffect.has(specAllow)) return {};
  return { flags: [...inEffect].sort() };
}
