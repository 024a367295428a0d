import { readFileSync } from 'node:fs';
import { readProfile } from '#lib/profile/read-profile';
import { effectiveProfile } from '#lib/profile/seccomp/effective-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { syscallNames } from '#lib/profile/seccomp/syscall-names';

const native = 'SCMP_ARCH_X86_64';

/** Times the intersection of profiles with RuntimeDefault: the median and the 99th percentile of 1,000 runs. */
export async function bench(report: (line: string) => void): Promise<void> {
  const baseline = runtimeDefault({ architecture: 'amd64', capabilities: ['CAP_NET_BIND_SERVICE'] });
  const example = readProfile(readFileSync(new URL('../../examples/nginx.json', import.meta.url))).seccomp;
  report(`intersect nginx example with RuntimeDefault: ${time(baseline, example)}`);
  report(`intersect 400 syscalls with RuntimeDefault: ${time(baseline, manySyscalls(400))}`);
}

function manySyscalls(count: number): SeccompProfile {
  const names = [...syscallNames()].slice(0, count);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' })),
  };
}

function time(baseline: SeccompProfile, artifact: SeccompProfile): string {
  const times: number[] = [];
  for (let run = 0; run < 1_200; run += 1) {
    const start = performance.now();
    effectiveProfile({ baseline, artifact }, native);
    times.push(performance.now() - start);
  }
  const sorted = times.slice(200).sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
