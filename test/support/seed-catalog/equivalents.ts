/**
 * Calls that do the same: which of them a program makes depends on its C library, on the kernel and
 * on the architecture. A profile that allows one allows all of its group.
 */
const groups: readonly (readonly string[])[] = [
  // The calls with a directory: newer C libraries and arm64 have these alone.
  ['open', 'openat', 'openat2', 'creat'],
  ['access', 'faccessat', 'faccessat2'],
  ['mkdir', 'mkdirat'],
  ['rmdir', 'unlink', 'unlinkat'],
  ['link', 'linkat'],
  ['symlink', 'symlinkat'],
  ['readlink', 'readlinkat'],
  ['rename', 'renameat', 'renameat2'],
  ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'],
  ['mknod', 'mknodat'],
  ['chown', 'fchown', 'fchownat', 'lchown'],
  ['futimesat', 'utime', 'utimensat', 'utimes'],
  // Both families of stat, and what replaces them.
  ['stat', 'lstat', 'fstat', 'newfstatat', 'statx'],
  ['statfs', 'fstatfs'],
  ['getdents', 'getdents64'],
  // The calls with flags.
  ['dup2', 'dup3'],
  ['pipe', 'pipe2'],
  ['accept', 'accept4'],
  ['epoll_create', 'epoll_create1'],
  ['epoll_wait', 'epoll_pwait', 'epoll_pwait2'],
  ['eventfd', 'eventfd2'],
  ['signalfd', 'signalfd4'],
  ['inotify_init', 'inotify_init1', 'inotify_add_watch', 'inotify_rm_watch'],
  ['preadv', 'preadv2'],
  ['pwritev', 'pwritev2'],
  ['fsync', 'fdatasync', 'sync', 'syncfs'],
  // What arm64 does by another call.
  ['poll', 'ppoll'],
  ['select', 'pselect6'],
  ['pause', 'ppoll', 'rt_sigsuspend'],
  ['alarm', 'getitimer', 'setitimer'],
  ['fork', 'vfork', 'clone'],
  ['getpgrp', 'getpgid', 'setpgid'],
  ['wait4', 'waitid'],
  // Limits and time.
  ['getrlimit', 'setrlimit', 'prlimit64'],
  ['clock_gettime', 'gettimeofday', 'time'],
  ['clock_nanosleep', 'nanosleep'],
  ['ftruncate', 'truncate'],
  // Libraries choose between these to change to one user.
  ['setuid', 'setreuid', 'setresuid'],
  ['setgid', 'setregid', 'setresgid'],
  ['setfsuid', 'setfsgid'],
  // What is of use together only.
  ['timer_create', 'timer_delete', 'timer_settime'],
  ['timerfd_create', 'timerfd_gettime', 'timerfd_settime'],
  ['io_setup', 'io_submit', 'io_destroy', 'io_getevents', 'io_pgetevents'],
  ['shmget', 'shmat', 'shmctl', 'shmdt'],
  ['semget', 'semctl', 'semop', 'semtimedop'],
  ['mlock', 'munlock'],
  // Of a file by its path, without following links, and by its descriptor.
  ['getxattr', 'lgetxattr', 'fgetxattr'],
  ['listxattr', 'llistxattr', 'flistxattr'],
  ['setxattr', 'lsetxattr', 'fsetxattr'],
  ['removexattr', 'lremovexattr', 'fremovexattr'],
];

/** Returns the calls and all that do the same. */
export function withEquivalents(names: Iterable<string>): ReadonlySet<string> {
  const all = new Set(names);
  for (let size = -1; size !== all.size; ) {
    size = all.size;
    for (const group of groups) {
      if (group.some((name) => all.has(name))) for (const name of group) all.add(name);
    }
  }
  return all;
}
