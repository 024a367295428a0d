import type { RawSelinuxProfile, SelinuxProfile } from '#lib/profile/selinux/model';
import { restrictionProblems, selinuxRestrictions } from '#lib/profile/selinux/validate';
import { selinuxProfileSchema } from '../api/selinuxprofile/v1.ts';
import { fieldOf } from './field.ts';
import { lintWarnings } from './lint-warnings.ts';
import { readProfileObject } from './read-object.ts';
import type { ValidationSettings } from './settings.ts';
import { refusing, type Verdict, type Violation } from './verdict.ts';

/**
 * Validates a SelinuxProfile v1 by itself. Whether the SelinuxProfiles that it inherits from exist
 * is validated by the controller: they may be created after it.
 */
export function validateSelinuxProfile(object: unknown, settings: ValidationSettings): Verdict {
  const reading = readProfileObject(selinuxProfileSchema, object);
  if ('violations' in reading) return refusing(reading.violations);
  const { profile } = reading;
  if (profile.kind !== 'SELinux')
    return refusing([{ field: 'kind', problem: 'is not SelinuxProfile', fix: 'Correct it.' }]);
  return { violations: restricted(profile.selinux, settings), warnings: lintWarnings(profile, isNews) };
}

/** At most this many rules of a profile are named. */
const most = 50;

/** Returns what the administrator allows to no profile, and this one asks for. */
export function restricted(
  profile: SelinuxProfile | RawSelinuxProfile,
  { selinux }: ValidationSettings,
): readonly Violation[] {
  const inherited = profile.kind === 'SELinux' ? profile.inherit.filter(({ kind }) => kind === 'SelinuxProfile') : [];
  const restrictions = selinuxRestrictions(
    selinux,
    inherited.map(({ name }) => name),
  );
  const violations: Violation[] = [];
  for (const { pointer, message, hint } of restrictionProblems(profile, restrictions)) {
    violations.push({ field: fieldOf(pointer), problem: message, fix: hint });
    if (violations.length === most) break;
  }
  return violations;
}

/** Reports whether a finding is not one of the restrictions, which are violations here. */
export function isNews({ code }: { readonly code: string }): boolean {
  return code !== 'restricted';
}
