import type { SeccompProfile } from './model.ts';
import { narrowComparisons } from './write/narrow-comparisons.ts';

/**
 * Profiles as they are applied, by profile. Baselines are the same few objects for all containers,
 * and profiles never change.
 */
const known = new WeakMap<SeccompProfile, Map<string, SeccompProfile>>();

/**
 * Returns a profile as nodes apply it: comparisons of 64 bits permit nothing more if the kernel
 * takes 32; see narrowComparisons. Intersections are made of such profiles: combining masked
 * comparisons with others of 64 bits would take too many rules.
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
