import type { SeccompProfile } from './model.ts';

/** The kernel's MAX_ERRNO: what lies above is cut, so that a program would see another error than the profile says. */
const maxErrno = 4095;
const waitKillable = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';

/**
 * What KEP-6061 ("Artifact format") does not allow in a profile that comes from a registry, each with its JSON pointer:
 * nothing that hands calls to a listener, errno numbers that the kernel has, few entries for one syscall.
 */
export function artifactViolations(
  profile: SeccompProfile,
  { entriesPerSyscall }: { readonly entriesPerSyscall: number },
): readonly string[] {
  return [...listenerViolations(profile), ...entryViolations(profile, entriesPerSyscall)];
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
  const check = (pointer: string, action: string, errno: number | undefined, errnoName: string) => {
    if (action === 'SCMP_ACT_NOTIFY') violations.push(`${pointer}: SCMP_ACT_NOTIFY is not allowed`);
    if (errno !== undefined && errno > maxErrno) {
      violations.push(`${pointer.slice(0, pointer.lastIndexOf('/'))}/${errnoName}: ${errno} is above ${maxErrno}`);
    }
  };
  check('/defaultAction', profile.defaultAction, profile.defaultErrnoRet, 'defaultErrnoRet');
  const entries = new Map<string, number>();
  for (const [index, rule] of (profile.syscalls ?? []).entries()) {
    check(`/syscalls/${index}/action`, rule.action, rule.errnoRet, 'errnoRet');
    for (const name of rule.names) {
      const count = (entries.get(name) ?? 0) + 1;
      entries.set(name, count);
      if (count === entriesPerSyscall + 1) {
        violations.push(`/syscalls/${index}: more than ${entriesPerSyscall} entries name ${name}`);
      }
    }
  }
  return violations;
}
