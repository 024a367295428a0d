import type { SeccompProfile } from './model.ts';
import { narrowComparisons } from './write/narrow-comparisons.ts';

/**
 * What was found out about profiles. Baselines are the same few objects again and again, and
 * profiles never change.
 */
const known = new WeakMap<SeccompProfile, Map<string, SeccompProfile>>();

/**
 * Returns a profile as nodes apply it: comparisons of 64 bits let nothing through if the kernel
 * takes 32; see narrowComparisons. Intersections are made of such profiles: beside masked
 * comparisons, others of 64 bits would take rules without end to be combined with.
 *
 * @param nativeArchitecture the node's own, as SCMP_ARCH_*.
 */
export function asApplied(profile: SeccompProfile, nativeArchitecture: string): SeccompProfile {
  const found = known.get(profile) ?? new Map<string, SeccompProfile>();
  known.set(profile, found);
  const applied = found.get(nativeArchitecture) ?? narrowComparisons(profile, nativeArchitecture).profile;
  found.set(nativeArchitecture, applied);
  return applied;
}
