import { readFileSync } from 'node:fs';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { effectiveProfile } from '#lib/profile/seccomp/effective-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { syscallNames } from '#lib/profile/seccomp/syscall-names';

const native = 'SCMP_ARCH_X86_64';

/** Times the intersection of profiles with RuntimeDefault: the median and the 99th percentile. */
export async function bench(report: (line: string) => void): Promise<void> {
  const baseline = runtimeDefault({ architecture: 'amd64', capabilities: ['CAP_NET_BIND_SERVICE'] });
  const example = seccompOf(readProfile(readFileSync(new URL('../../examples/nginx.json', import.meta.url))));
  report(`intersect nginx example with RuntimeDefault: ${time(baseline, example)}`);
  report(`intersect 400 syscalls with RuntimeDefault: ${time(baseline, manySyscalls(400))}`);
  report(`intersect a profile of 1 MiB with RuntimeDefault: ${time(baseline, oneMebibyte(baseline), 40)}`);
  const [first, second] = [entries(0), entries(1)];
  report(`intersect 128 entries for one syscall with 128 others: ${time(first, second, 200)}`);
}

/** As many entries with conditions as a mebibyte of JSON holds. */
function oneMebibyte(baseline: SeccompProfile): SeccompProfile {
  const names = [...new Set(baseline.syscalls?.flatMap((rule) => rule.names))];
  const syscalls = Array.from({ length: 7_000 }, (_, index) => ({
    names: [names[index % names.length] ?? 'read'],
    action: 'SCMP_ACT_ALLOW' as const,
    args: [
      { index: index % 3, value: BigInt(index), op: 'SCMP_CMP_EQ' as const },
      { index: 3, value: BigInt(index * 3), op: 'SCMP_CMP_EQ' as const },
    ],
  }));
  return { ...baseline, syscalls };
}

function entries(step: number): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: Array.from({ length: 128 }, (_, index) => ({
      names: ['ioctl'],
      action: 'SCMP_ACT_ALLOW' as const,
      args: [{ index: 1, value: BigInt(index * (step + 1)), op: 'SCMP_CMP_EQ' as const }],
    })),
  };
}

function manySyscalls(count: number): SeccompProfile {
  const names = [...syscallNames()].slice(0, count);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' })),
  };
}

function time(baseline: SeccompProfile, artifact: SeccompProfile, runs = 1_000): string {
  const times: number[] = [];
  for (let run = 0; run < runs * 1.2; run += 1) {
    const start = performance.now();
    effectiveProfile({ baseline, artifact }, native);
    times.push(performance.now() - start);
  }
  const sorted = times.slice(runs * 0.2).sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
