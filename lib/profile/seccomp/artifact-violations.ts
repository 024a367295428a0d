import type { SeccompProfile } from './model.ts';

/** The kernel's MAX_ERRNO: what lies above is cut, so that a program would see another error than the profile says. */
const maxErrno = 4095;
/**
 * Conditions in a profile, those of an entry counted for each of its names: a short text that gives many names many
 * conditions would keep the shim busy for half a second. Profiles in use have under 1,000, and a mebibyte that gives
 * every syscall entries of its own, two conditions each, has 14,300.
 */
const maxConditions = 16_384;
const notify = 'SCMP_ACT_NOTIFY';
const waitKillable = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';

/**
 * What KEP-6061 ("Artifact format") does not allow in a profile that comes from a registry, each with its JSON pointer:
 * nothing that hands calls to a listener, errno numbers that the kernel has, few entries for one syscall. And,
 * beyond the KEP, no more conditions than can be intersected without delay.
 */
export function artifactViolations(
  profile: SeccompProfile,
  { entriesPerSyscall }: { readonly entriesPerSyscall: number },
): readonly string[] {
  return [
    ...listenerViolations(profile),
    ...entryViolations(profile, entriesPerSyscall),
    ...conditionViolations(profile),
  ];
}

function listenerViolations(profile: SeccompProfile): readonly string[] {
  const violations: string[] = [];
  if (profile.listenerPath !== undefined) violations.push('/listenerPath is not allowed');
  if (profile.listenerMetadata !== undefined) violations.push('/listenerMetadata is not allowed');
  for (const [index, flag] of (profile.flags ?? []).entries()) {
    if (flag === waitKillable) violations.push(`/flags/${index}: ${flag} is not allowed`);
  }
  return violations;
}

function entryViolations(profile: SeccompProfile, entriesPerSyscall: number): readonly string[] {
  const violations: string[] = [];
  const { defaultAction, defaultErrnoRet, syscalls = [] } = profile;
  if (defaultAction === notify) violations.push(`/defaultAction: ${notify} is not allowed`);
  if (isTooBig(defaultErrnoRet)) violations.push(`/defaultErrnoRet: ${defaultErrnoRet} is above ${maxErrno}`);
  const entries = new Map<string, number>();
  let index = 0;
  for (const { names, action, errnoRet } of syscalls) {
    if (action === notify) violations.push(`/syscalls/${index}/action: ${notify} is not allowed`);
    if (isTooBig(errnoRet)) violations.push(`/syscalls/${index}/errnoRet: ${errnoRet} is above ${maxErrno}`);
    for (const name of names) {
      const count = (entries.get(name) ?? 0) + 1;
      entries.set(name, count);
      if (count === entriesPerSyscall + 1) {
        violations.push(`/syscalls/${index}: more than ${entriesPerSyscall} entries name ${name}`);
      }
    }
    index += 1;
  }
  return violations;
}

function isTooBig(errno: number | undefined): boolean {
  return errno !== undefined && errno > maxErrno;
}

function conditionViolations(profile: SeccompProfile): readonly string[] {
  let conditions = 0;
  for (const { names, args = [] } of profile.syscalls ?? []) conditions += names.length * args.length;
  if (conditions <= maxConditions) return [];
  return [
    `/syscalls: ${conditions} conditions, those of an entry counted for each of its names, are more than ${maxConditions}`,
  ];
}
