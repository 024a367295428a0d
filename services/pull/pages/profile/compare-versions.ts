import { FairleadError } from '#lib/errors';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import { diffProfiles } from '#lib/profile/diff-profiles';
import type { PublishedProfile, RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { seccompDifferences } from '#lib/profile/seccomp/summary/differences';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import type { ComparedSubjects, VersionChange } from './profile-view.ts';

const native = nativeArchitecture('amd64');

/** Profiles never change; the same versions are compared for each reader. */
const known = new WeakMap<PublishedProfile, WeakMap<PublishedProfile, readonly ComparedSubjects[]>>();

/**
 * Returns how two versions of a profile differ in meaning, in words; empty if they mean the same.
 * Throws ProfileInvalid for a profile in the form of Docker and Podman, and InvalidInput for
 * profiles of different kinds.
 */
export function compareVersions(from: PublishedProfile, to: PublishedProfile): readonly ComparedSubjects[] {
  const ofFrom = known.get(from) ?? new WeakMap<PublishedProfile, readonly ComparedSubjects[]>();
  known.set(from, ofFrom);
  const differences = ofFrom.get(to) ?? differencesOf(resolved(from), resolved(to));
  ofFrom.set(to, differences);
  return differences;
}

function differencesOf(before: RuntimeProfile, after: RuntimeProfile): readonly ComparedSubjects[] {
  if (before.kind === 'Seccomp' && after.kind === 'Seccomp') {
    return seccompDifferences(before.seccomp, after.seccomp, native);
  }
  return diffProfiles(before, after, native).changes.map(({ direction, subject, from: was, to: is, where }) => ({
    direction,
    subjects: [subject],
    was,
    is: where === undefined ? is : `${is} (${where})`,
  }));
}

/** Counts the subjects of differences. */
export function countChanges(differences: readonly ComparedSubjects[], since: string): VersionChange {
  const count = (wanted: ComparedSubjects['direction']): number =>
    differences.filter(({ direction }) => direction === wanted).reduce((sum, { subjects }) => sum + subjects.length, 0);
  return { loosened: count('loosened'), tightened: count('tightened'), changed: count('changed'), since };
}

/** Returns what RuntimeDefault means for a kind, to compare with. */
export function runtimeDefaultOf(kind: RuntimeKind, baseline: SeccompProfile): RuntimeProfile {
  return kind === 'Seccomp' ? { kind, seccomp: baseline } : { kind, apparmor: runtimeDefaultAppArmor };
}

function resolved(profile: PublishedProfile): RuntimeProfile {
  if (!('unresolved' in profile)) return profile;
  throw new FairleadError('ProfileInvalid', 'a version in the form of Docker and Podman depends on the container');
}
