import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { syscallNames } from '#lib/profile/seccomp/syscall-names';

const native = 'SCMP_ARCH_X86_64';
const architectures = [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
const mebibyte = 1024 * 1024;

/** As many entries with conditions as a mebibyte of compact JSON holds, so many in a row for each syscall. */
export function oneMebibyte(entriesPerSyscall: number): string {
  const names = [...syscallNames()];
  const parts: string[] = [];
  const head = `{"defaultAction":"SCMP_ACT_ERRNO","architectures":${JSON.stringify(architectures)},"syscalls":[`;
  let length = head.length + 2;
  for (let index = 0; ; index += 1) {
    const args = `[{"index":${index % 3},"value":${index},"op":"SCMP_CMP_EQ"},{"index":3,"value":${index * 3},"op":"SCMP_CMP_EQ"}]`;
    const part = `{"names":["${names[Math.floor(index / entriesPerSyscall) % names.length]}"],"action":"SCMP_ACT_ALLOW","args":${args}}`;
    length += part.length + 1;
    if (length > mebibyte) return `${head}${parts.join(',')}]}`;
    parts.push(part);
  }
}

/** 128 entries for one syscall, with other arguments for another step. */
export function entryCap(step: number): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures,
    syscalls: Array.from({ length: 128 }, (_, index) => ({
      names: ['ioctl'],
      action: 'SCMP_ACT_ALLOW' as const,
      args: [{ index: 1, value: BigInt(index * step), op: 'SCMP_CMP_EQ' as const }],
    })),
  };
}

/** An allow-list of so many syscalls, each with an entry of its own. */
export function allowList(count: number): SeccompProfile {
  const names = [...syscallNames()].slice(0, count);
  if (names.length < count) throw new Error(`there are ${names.length} syscalls only`);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures,
    syscalls: names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' })),
  };
}
