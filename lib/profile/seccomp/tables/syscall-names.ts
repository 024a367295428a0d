import { amd64, elsewhere, generic, i386, recent } from './syscall-table.ts';

const ofAmd64: ReadonlySet<string> = new Set(amd64);
const ofI386: ReadonlySet<string> = new Set(i386);
const ofGeneric: ReadonlySet<string> = new Set(generic);
const tables: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['SCMP_ARCH_X86_64', ofAmd64],
  ['SCMP_ARCH_X32', ofAmd64],
  ['SCMP_ARCH_X86', ofI386],
  ['SCMP_ARCH_AARCH64', ofGeneric],
  ['SCMP_ARCH_RISCV64', ofGeneric],
  ['SCMP_ARCH_LOONGARCH64', ofGeneric],
]);
const all: ReadonlySet<string> = new Set([...amd64, ...i386, ...generic, ...elsewhere]);

const recentNames: ReadonlySet<string> = new Set(recent);
/** What came after libseccomp 2.5.0, which knows Linux 5.8. */
const later: ReadonlySet<string> = new Set([
  ...['close_range', 'epoll_pwait2', 'futex_waitv', 'landlock_add_rule', 'landlock_create_ruleset'],
  ...['landlock_restrict_self', 'memfd_secret', 'mount_setattr', 'process_madvise', 'process_mrelease', 'quotactl_fd'],
  ...['set_mempolicy_home_node', 'uretprobe'],
]);
/**
 * What some architectures have through socketcall and ipc only, or not at all (arm, riscv64,
 * loongarch64, ppc64le, sh).
 */
const notEverywhere: ReadonlySet<string> = new Set([
  ...['accept', 'recv', 'send', 'semop', 'semtimedop'],
  ...['clone3', 'fadvise64', 'getrlimit', 'io_pgetevents', 'mmap', 'renameat', 'setrlimit', 'sync_file_range'],
]);
/** What every architecture has but for x32. */
const exceptX32 = 'nfsservctl';
const isInEveryVersion = (name: string) => !recentNames.has(name) && !later.has(name);
const isCertain = (name: string) => isInEveryVersion(name) && !notEverywhere.has(name) && name !== exceptX32;
const everywhere: ReadonlySet<string> = new Set(
  amd64.filter((name) => ofI386.has(name) && ofGeneric.has(name) && isCertain(name)),
);

/**
 * Reports whether every architecture certainly has a number of its own for the syscall, in every
 * libseccomp since 2.5.
 */
export function isOnEveryArchitecture(name: string): boolean {
  return everywhere.has(name);
}

/**
 * Reports whether an architecture certainly has a number of its own for the syscall, in every
 * libseccomp since 2.5.
 */
export function isOnArchitecture(name: string, architecture: string): boolean {
  if (everywhere.has(name)) return true;
  if (name === exceptX32) return architecture !== 'SCMP_ARCH_X32';
  return architecture === 'SCMP_ARCH_X86_64' && ofAmd64.has(name) && isInEveryVersion(name);
}

/**
 * Reports whether any of the architectures has the syscall. For architectures without a table of
 * their own, and if none is listed, every name counts that some architecture has.
 */
export function isKnownSyscall(name: string, architectures: readonly string[]): boolean {
  if (!all.has(name)) return false;
  return (
    architectures.length === 0 || architectures.some((architecture) => tables.get(architecture)?.has(name) ?? true)
  );
}

/** Returns every name that some architecture has. */
export function syscallNames(): Iterable<string> {
  return all;
}
