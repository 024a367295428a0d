import type { Change, Direction } from '#lib/profile/change';
import { diffProfiles } from '#lib/profile/diff-profiles';
import { effectiveProfile } from '#lib/profile/effective-profile';
import type { Profile } from '#lib/profile/profile';
import { seccompDifferences, type WordedDifference } from '#lib/profile/seccomp/summary/differences';

/**
 * Returns how two profiles differ in meaning, in words.
 *
 * @param native what runtimes add if a seccomp profile lists no architectures, as SCMP_ARCH_*.
 * @throws FairleadError InvalidInput for profiles of different kinds.
 */
export function differencesInWords(from: Profile, to: Profile, native: string): readonly WordedDifference[] {
  if (from.kind === 'Seccomp' && to.kind === 'Seccomp') return seccompDifferences(from.seccomp, to.seccomp, native);
  return alike(diffProfiles(from, to, native).changes);
}

/** What seccompDifferences states of programs of other machines. */
const elsewhere = 'are killed, where the machine is ';

/**
 * Returns in which respects a node with this baseline is stricter than the profile, in words. That
 * programs of other machines do not run there is left out.
 *
 * @throws FairleadError as effectiveProfile does.
 */
export function constraintsInWords(
  artifact: Profile,
  baseline: Profile | undefined,
  native: string,
): readonly WordedDifference[] {
  const { profile, constraints } = effectiveProfile({ artifact, ...(baseline && { baseline }) }, native);
  if (artifact.kind === 'Seccomp' && profile.kind === 'Seccomp') {
    const differences = seccompDifferences(artifact.seccomp, profile.seccomp, native);
    return differences.filter(({ direction, is }) => direction === 'tightened' && !is.startsWith(elsewhere));
  }
  return alike(constraints.map((constraint) => ({ ...constraint, direction: 'tightened' })));
}

/** Joins what changes in the same way. */
function alike(
  changes: readonly (Pick<Change, 'subject' | 'from' | 'to' | 'where'> & { readonly direction: Direction })[],
): readonly WordedDifference[] {
  const groups = Map.groupBy(changes, ({ direction, from, to, where }) => JSON.stringify([direction, from, to, where]));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { direction, from: was, to, where } = first;
    const is = where === undefined ? to : `${to} (${where})`;
    return [{ direction, subjects: group.map(({ subject }) => subject), was, is }];
  });
}
