/**
 * What runc itself calls between loading the filter and starting the program, found by taking syscalls away from a
 * container until it no longer starts (runc 1.1). In each line one is enough: old and new forms of the same.
 */
const always: readonly (readonly string[])[] = [
  ['close'],
  ['execve', 'execveat'],
  ['exit_group'],
  ['fstatfs', 'fstatfs64'],
  ['futex', 'futex_time64'],
  ['getdents64'],
  ['openat', 'openat2'],
  ['read'],
  ['write'],
];

/** Needed besides where the container may gain privileges: then runc loads the filter before it drops its own. */
const withPrivileges: readonly (readonly string[])[] = [
  ['capset'],
  ['chdir'],
  ['fstat', 'fstat64', 'newfstatat', 'statx'],
  ['getppid'],
  ['prctl'],
  ['setgid', 'setgid32'],
  ['setgroups', 'setgroups32'],
  ['setuid', 'setuid32'],
];

export const runtimeNeeds: readonly (readonly string[])[] = [...always, ...withPrivileges];
