import type { SelinuxProfile } from './model.ts';
import { allowMap, grants, inheritedBlocks, rules, uniqueInherits } from './rules.ts';

/**
 * Returns the smallest profile that permits what any of `profiles` permits. If they inherit from
 * different SelinuxProfiles, it inherits from all of these, which validateSelinux refuses: no
 * module can express it.
 *
 * @param profiles at least one; the result has the name of the first.
 */
export function unionSelinux(profiles: readonly [SelinuxProfile, ...SelinuxProfile[]]): SelinuxProfile {
  return {
    kind: 'SELinux',
    name: profiles[0].name,
    mode: profiles.some(({ mode }) => mode === 'Permissive') ? 'Permissive' : 'Enforcing',
    inherit: uniqueInherits(profiles.flatMap((profile) => inheritedBlocks(profile))),
    allow: allowMap(profiles.flatMap((profile) => [...grants(rules(profile))])),
  };
}
