/**
 * Writes lib/profile/seccomp/tables/syscall-table.ts: the names of all system calls by
 * architecture, from the kernel's user headers on this machine (Debian: linux-libc-dev, on amd64).
 *
 *     node tools/syscall-table.ts > lib/profile/seccomp/tables/syscall-table.ts
 */
import { readFileSync } from 'node:fs';

/**
 * Numbers from 451 on are the same on all architectures; headers older than 6.18 lack some of
 * these.
 */
const recent = [
  ...['cachestat', 'fchmodat2', 'map_shadow_stack', 'futex_wake', 'futex_wait', 'futex_requeue'],
  ...['statmount', 'listmount', 'lsm_get_self_attr', 'lsm_set_self_attr', 'lsm_list_modules', 'mseal'],
  ...['setxattrat', 'getxattrat', 'listxattrat', 'removexattrat', 'open_tree_attr', 'file_getattr', 'file_setattr'],
  ...['listns'],
];

/**
 * Names that libseccomp knows and other architectures have, or that are parts of socketcall and
 * ipc.
 */
const elsewhere = [
  ...['arm_fadvise64_64', 'arm_sync_file_range', 'breakpoint', 'cacheflush', 'set_tls', 'usr26', 'usr32', 'get_tls'],
  ...['pciconfig_iobase', 'pciconfig_read', 'pciconfig_write', 'rtas', 'spu_create', 'spu_run', 'swapcontext'],
  ...['subpage_prot', 'switch_endian', 'multiplexer', 'sys_debug_setcontext', 'sync_file_range2'],
  ...['s390_pci_mmio_read', 's390_pci_mmio_write', 's390_runtime_instr', 's390_guarded_storage', 's390_sthyi'],
  ...['riscv_flush_icache', 'riscv_hwprobe', 'sysmips', 'cachectl', 'syscall', 'timerfd'],
  ...['recv', 'send', 'accept', 'semop', 'semtimedop', 'msgget', 'msgsnd', 'msgrcv', 'msgctl', 'shmat', 'shmdt'],
  ...['shmget', 'shmctl', 'semget', 'semctl'],
];

const asm = '/usr/include/x86_64-linux-gnu/asm';
const amd64 = names(`${asm}/unistd_64.h`, /^#define __NR_(\w+) \d+/gm);
const x32 = names(`${asm}/unistd_x32.h`, /^#define __NR_(\w+) \(__X32/gm);
const i386 = names(`${asm}/unistd_32.h`, /^#define __NR_(\w+) \d+/gm);
const generic = names('/usr/include/asm-generic/unistd.h', /^#define __NR(?:3264)?_(\w+)\s+\d+/gm)
  .filter((name) => name !== 'syscalls' && name !== 'arch_specific_syscall')
  .map((name) => (name === 'fstatat' ? 'newfstatat' : name));

process.stdout.write(`// Made by tools/syscall-table.ts; do not edit.

/** The system calls of x86_64 and x32. */
export const amd64: readonly string[] = words(\`
${lines([...amd64, ...x32, ...recent, 'uretprobe'])}
\`);

/** The system calls of x86. */
export const i386: readonly string[] = words(\`
${lines([...i386, ...recent, 'recv', 'send', 'accept', 'semop', 'semtimedop'])}
\`);

/**
 * The system calls of architectures with the kernel's generic table: aarch64, riscv64, loongarch64.
 */
export const generic: readonly string[] = words(\`
${lines([...generic, ...recent, 'riscv_flush_icache', 'riscv_hwprobe'])}
\`);

/** What only other architectures have. */
export const elsewhere: readonly string[] = words(\`
${lines(elsewhere)}
\`);

/** The system calls since Linux 6.5, which libseccomp 2.5.4 does not know. */
export const recent: readonly string[] = words(\`
${lines(recent)}
\`);

function words(text: string): readonly string[] {
  return text.trim().split(/\\s+/);
}
`);

function names(file: string, pattern: RegExp): string[] {
  return [...readFileSync(file, 'utf8').matchAll(pattern)].map((match) => match[1] ?? '');
}

function lines(words: readonly string[]): string {
  const result: string[] = [];
  for (const word of [...new Set(words)].sort()) {
    const last = result.at(-1);
    if (last !== undefined && last.length + word.length < 110) result[result.length - 1] = `${last} ${word}`;
    else result.push(word);
  }
  return result.join('\n');
}
