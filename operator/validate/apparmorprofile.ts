import { FairleadError } from '#lib/errors';
import { checkPolicyName } from '#lib/profile/apparmor/policy-name';
import { validateAppArmor } from '#lib/profile/apparmor/validate';
import { apparmorProfileSchema } from '../api/apparmorprofile/v1.ts';
import { lintWarnings } from './lint-warnings.ts';
import { readProfileObject, violationFrom } from './read-object.ts';
import type { ValidationSettings } from './settings.ts';
import { refusing, type Verdict, type Violation } from './verdict.ts';

/** A rule that the Security Profiles Operator takes for a path, and writes into the policy. */
const rule = /^spec\.abstract\..*"ptrace\b/;

/**
 * Validates an AppArmorProfile v1: its name, which is that of the policy in the kernel, paths,
 * capabilities, and that apparmor_parser compiles the policy in seconds. No setting restricts it.
 */
export function validateAppArmorProfile(object: unknown, _settings: ValidationSettings): Verdict {
  const reading = readProfileObject(apparmorProfileSchema, object);
  if ('violations' in reading) return refusing(reading.violations.map(withoutRules));
  const { profile } = reading;
  if (!('apparmor' in profile))
    return refusing([{ field: 'kind', problem: 'is not AppArmorProfile', fix: 'Correct it.' }]);
  const violations = [
    ...problemOf('metadata.name', () => checkPolicyName(profile.name ?? '')),
    ...problemOf('spec.abstract', () => validateAppArmor(profile.apparmor)),
  ];
  return { violations, warnings: violations.length > 0 ? [] : lintWarnings(profile) };
}

function problemOf(field: string, check: () => void): readonly Violation[] {
  try {
    check();
    return [];
  } catch (thrown) {
    if (!(thrown instanceof FairleadError)) throw thrown;
    return [violationFrom(thrown, field)];
  }
}

function withoutRules(violation: Violation): Violation {
  if (!rule.test(`${violation.field}: ${violation.problem}`)) return violation;
  const fix =
    'Remove it: rules of AppArmor cannot be written as paths, and processes of one container may trace each other anyway.';
  return { ...violation, fix };
}
