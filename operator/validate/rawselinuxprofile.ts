import { rawSelinuxProfileSchema } from '../api/rawselinuxprofile/v1.ts';
import { lintWarnings } from './lint-warnings.ts';
import { readProfileObject } from './read-object.ts';
import { isNews, restricted } from './selinuxprofile.ts';
import type { ValidationSettings } from './settings.ts';
import { refusing, type Verdict, type Violation } from './verdict.ts';

const switchedOff: Violation = {
  field: 'spec',
  problem:
    'raw SELinux profiles are switched off: spec.selinux.enableRawSelinuxProfiles of the SecurityProfilesOperatorDaemon is false',
  fix: 'Write a SelinuxProfile, or ask the administrator to set it to true.',
};

/**
 * Validates a RawSelinuxProfile v1. Its policy is parsed as the compiler does, comments and quotes
 * included, and only statements that stay within the block of the profile are accepted (see
 * parsePolicy). `(blockinherit container)` is one of them, and required: a policy without it, which
 * is all that the Security Profiles Operator accepts, has no process.
 */
export function validateRawSelinuxProfile(object: unknown, settings: ValidationSettings): Verdict {
  const off = settings.rawSelinuxProfiles ? [] : [switchedOff];
  const reading = readProfileObject(rawSelinuxProfileSchema, object);
  if ('violations' in reading) return refusing([...off, ...reading.violations]);
  const { profile } = reading;
  if (profile.kind !== 'RawSELinux')
    return refusing([{ field: 'kind', problem: 'is not RawSelinuxProfile', fix: 'Correct it.' }]);
  return {
    violations: [...off, ...restricted(profile.selinux, settings)],
    warnings: lintWarnings(profile, isNews),
  };
}
