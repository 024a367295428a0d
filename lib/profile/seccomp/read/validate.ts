import type { Violation } from '../../violation.ts';
import type { SeccompProfile } from '../model.ts';

/**
 * The kernel's MAX_ERRNO: what lies above is cut, so that a program would see another error than
 * that of the profile.
 */
const maxErrno = 4095;
/**
 * Conditions in a profile, those of an entry counted for each of its names: a short text that gives
 * many names many conditions would keep the shim busy for half a second. Profiles in use have under
 * 1,000, and a mebibyte that gives every syscall entries of its own, two conditions each, has
 * 14,300.
 */
const maxConditions = 16_384;
const notify = 'SCMP_ACT_NOTIFY';
const waitKillable = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';

/**
 * Returns what KEP-6061 ("Artifact format") does not allow in a profile that comes from a registry,
 * each with its JSON pointer: nothing that hands calls to a listener, errno numbers that the kernel
 * has, few entries for one syscall. And, beyond the KEP, no more conditions than can be intersected
 * without delay.
 */
export function artifactViolations(
  profile: SeccompProfile,
  { entriesPerSyscall }: { readonly entriesPerSyscall: number },
): readonly Violation[] {
  return [
    ...listenerViolations(profile),
    ...entryViolations(profile, entriesPerSyscall),
    ...conditionViolations(profile),
  ];
}

function listenerViolations(profile: SeccompProfile): readonly Violation[] {
  const violations: Violation[] = [];
  if (profile.listenerPath !== undefined) violations.push({ pointer: '/listenerPath', message: 'not allowed' });
  if (profile.listenerMetadata !== undefined) violations.push({ pointer: '/listenerMetadata', message: 'not allowed' });
  for (const [index, flag] of (profile.flags ?? []).entries()) {
    if (flag === waitKillable) violations.push({ pointer: `/flags/${index}`, message: `${flag} is not allowed` });
  }
  return violations;
}

function entryViolations(profile: SeccompProfile, entriesPerSyscall: number): readonly Violation[] {
  const violations: Violation[] = [];
  const { defaultAction, defaultErrnoRet, syscalls = [] } = profile;
  if (defaultAction === notify) violations.push({ pointer: '/defaultAction', message: `${notify} is not allowed` });
  if (isTooBig(defaultErrnoRet))
    violations.push({ pointer: '/defaultErrnoRet', message: `${defaultErrnoRet} is above ${maxErrno}` });
  const entries = new Map<string, number>();
  let index = 0;
  for (const { names, action, errnoRet } of syscalls) {
    if (action === notify)
      violations.push({ pointer: `/syscalls/${index}/action`, message: `${notify} is not allowed` });
    if (isTooBig(errnoRet))
      violations.push({ pointer: `/syscalls/${index}/errnoRet`, message: `${errnoRet} is above ${maxErrno}` });
    for (const name of names) {
      const count = (entries.get(name) ?? 0) + 1;
      entries.set(name, count);
      if (count === entriesPerSyscall + 1) {
        violations.push({
          pointer: `/syscalls/${index}`,
          message: `more than ${entriesPerSyscall} entries name ${name}`,
        });
      }
    }
    index += 1;
  }
  return violations;
}

function isTooBig(errno: number | undefined): boolean {
  return errno !== undefined && errno > maxErrno;
}

function conditionViolations(profile: SeccompProfile): readonly Violation[] {
  let conditions = 0;
  for (const { names, args = [] } of profile.syscalls ?? []) conditions += names.length * args.length;
  if (conditions <= maxConditions) return [];
  return [
    {
      pointer: '/syscalls',
      message: `${conditions} conditions, those of an entry counted for each of its names, are more than ${maxConditions}`,
    },
  ];
}
