/**
 * Writes lib/profile/seccomp/tables/syscall-table.ts, the names of all system calls by
 * architecture, or lib/profile/seccomp/tables/syscall-numbers.ts, their numbers on the most common
 * architectures; from the kernel's user headers on this machine (Debian: linux-libc-dev, on amd64).
 *
 *     node tools/syscall-table.ts > lib/profile/seccomp/tables/syscall-table.ts
 *     node tools/syscall-table.ts numbers > lib/profile/seccomp/tables/syscall-numbers.ts
 */
import { readFileSync } from 'node:fs';

/**
 * Numbers from 451 on are the same on all architectures, in this order; headers older than 6.18
 * lack some of these.
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

const table = `// Made by tools/syscall-table.ts; do not edit.

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
`;

const firstRecent = 451;
/** Only architectures of 32 bits have these numbers of the generic table. */
const isOf32Bits = (number: number): boolean => number >= 403 && number <= 423;
const numbersTable = `// Made by tools/syscall-table.ts; do not edit.

/** The system calls of x86_64 by their numbers. */
export const amd64Numbers: ReadonlyMap<number, string> = numbered(\`
${numberLines(numbersIn(`${asm}/unistd_64.h`, /^#define __NR_(\w+) (\d+)/gm).set(335, 'uretprobe'))}
\`);

/** The system calls of x86 by their numbers. */
export const i386Numbers: ReadonlyMap<number, string> = numbered(\`
${numberLines(numbersIn(`${asm}/unistd_32.h`, /^#define __NR_(\w+) (\d+)/gm))}
\`);

/** The system calls of aarch64, riscv64 and loongarch64 by their numbers. */
export const genericNumbers: ReadonlyMap<number, string> = numbered(\`
${numberLines(genericNumbers())}
\`);

/** Reads names that count up from the number before them. */
function numbered(text: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  let number = 0;
  for (const word of text.trim().split(/\\s+/)) {
    if (/^\\d+$/.test(word)) number = Number(word);
    else names.set(number++, word);
  }
  return names;
}
`;

process.stdout.write(process.argv[2] === 'numbers' ? numbersTable : table);

function genericNumbers(): Map<number, string> {
  const found = numbersIn('/usr/include/asm-generic/unistd.h', /^#define __NR(?:3264)?_(\w+)\s+(\d+)/gm);
  for (const [number, name] of found) {
    if (isOf32Bits(number) || name === 'syscalls' || name === 'arch_specific_syscall') found.delete(number);
  }
  return found.set(79, 'newfstatat').set(258, 'riscv_hwprobe').set(259, 'riscv_flush_icache');
}

/** Returns names by their numbers: the last one of a number that has several. */
function numbersIn(file: string, pattern: RegExp): Map<number, string> {
  const matches = [...readFileSync(file, 'utf8').matchAll(pattern)];
  const found = new Map(matches.map(([, name = '', number]) => [Number(number), name]));
  for (const [index, name] of recent.entries()) found.set(firstRecent + index, name);
  return found;
}

/** Writes the number of a name only if it does not follow the one before. */
function numberLines(found: ReadonlyMap<number, string>): string {
  const result: string[] = [];
  let next = -1;
  for (const [number, name] of [...found].sort(([a], [b]) => a - b)) {
    const word = number === next ? name : `${number} ${name}`;
    next = number + 1;
    const last = result.at(-1);
    if (last !== undefined && last.length + word.length < 110) result[result.length - 1] = `${last} ${word}`;
    else result.push(word);
  }
  return result.join('\n');
}

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
