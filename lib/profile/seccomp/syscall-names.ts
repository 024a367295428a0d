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
/** What some architectures have through socketcall and ipc only, or not at all (arm, riscv64, ppc64le). */
const notEverywhere: ReadonlySet<string> = new Set([
  ...['accept', 'recv', 'send', 'semop', 'semtimedop'],
  ...['fadvise64', 'getrlimit', 'memfd_secret', 'mmap', 'renameat', 'sync_file_range'],
]);
const isCertain = (name: string) => !recentNames.has(name) && !notEverywhere.has(name);
const everywhere: ReadonlySet<string> = new Set(
  amd64.filter((name) => ofI386.has(name) && ofGeneric.has(name) && isCertain(name)),
);

/** Whether every architecture certainly has a number of its own for the syscall, in every libseccomp since 2.5. */
export function isOnEveryArchitecture(name: string): boolean {
  return everywhere.has(name);
}

/** Whether an architecture certainly has a number of its own for the syscall, in every libseccomp since 2.5. */
export function isOnArchitecture(name: string, architecture: string): boolean {
  if (everywhere.has(name)) return true;
  return architecture === 'SCMP_ARCH_X86_64' && ofAmd64.has(name) && !recentNames.has(name);
}

/**
 * Whether any of the architectures has the syscall. For architectures without a table of their own, and where none
 * is listed, every name counts that some architecture has.
 */
export function isKnownSyscall(name: string, architectures: readonly string[]): boolean {
  if (!all.has(name)) return false;
  return (
    architectures.length === 0 || architectures.some((architecture) => tables.get(architecture)?.has(name) ?? true)
  );
}

/** Every name that some architecture has. */
export function syscallNames(): Iterable<string> {
  return all;
}
