import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { lint } from '#lib/profile/lint';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { renderProfile } from '#lib/profile/render-profile';
import { diffProfiles } from '#lib/profile/seccomp/diff';
import { effectiveProfile } from '#lib/profile/seccomp/effective-profile';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { union } from '#lib/profile/seccomp/union';
import { validateArtifact } from '#lib/profile/validate-artifact';
import { allowList, entryCap, oneMebibyte } from './profile-cases.ts';

const native = 'SCMP_ARCH_X86_64';
const limits = { entriesPerSyscall: 128 };

/** Without this many runs, the 99th percentile is the slowest one. */
const manyRuns = 1_000;
const fewRuns = 100;

/**
 * The worst cases of the algebra of seccomp profiles: the median and the 99th percentile of each, and the time of one
 * core against what it may take; and how much memory a process needs for the largest profile.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const baseline = runtimeDefault({ architecture: 'amd64', capabilities: ['CAP_NET_BIND_SERVICE'] });
  const example = seccompOf(readProfile(readFileSync(new URL('../../examples/nginx.json', import.meta.url))));
  const [first, second, many] = [entryCap(1), entryCap(2), allowList(450)];
  const spread = Buffer.from(oneMebibyte(14));
  const dense = Buffer.from(oneMebibyte(limits.entriesPerSyscall));
  const [spreadProfile, denseProfile] = [readProfile(spread), readProfile(dense)];
  const meet = (artifact: Parameters<typeof effectiveProfile>[0]['artifact']) => () =>
    effectiveProfile({ baseline, artifact }, native);

  report(line('intersect the nginx example with RuntimeDefault', 0.5, manyRuns, meet(example)));
  report(line('intersect 450 syscalls with RuntimeDefault', 0.5, manyRuns, meet(many)));
  report(
    line('intersect 128 entries for one syscall with 128 others', 10, manyRuns, () =>
      effectiveProfile({ baseline: first, artifact: second }, native),
    ),
  );
  report(
    line('intersect 1 MiB, 14 entries a syscall, with RuntimeDefault', 10, fewRuns, meet(seccompOf(spreadProfile))),
  );
  report(
    line('intersect 1 MiB, 128 entries a syscall, with RuntimeDefault', 10, fewRuns, meet(seccompOf(denseProfile))),
  );
  report(line('unite 128 entries for one syscall with 128 others', 10, manyRuns, () => union([first, second], native)));
  report(line('compare 450 syscalls with RuntimeDefault', 10, fewRuns, () => diffProfiles(baseline, many, native)));
  report(line('validateArtifact of 1 MiB', 10, fewRuns, () => validateArtifact(denseProfile, limits)));
  report(line('readProfile of 1 MiB', undefined, fewRuns, () => readProfile(dense)));
  report(line('renderProfile of 1 MiB', undefined, fewRuns, () => renderProfile(denseProfile)));
  report(line('lint of 1 MiB', undefined, fewRuns, () => lint(denseProfile)));
  const peak = peakMemory() / dense.length;
  report(
    `read, validate, intersect and render 1 MiB: ${peak.toFixed(1)} times its size in memory at the peak (target 10: ${verdict(peak < 10)})`,
  );
}

/** How many bytes more a process needs at its peak for the way of the largest profile, in a process of its own. */
function peakMemory(): number {
  const program = new URL('./peak-memory.ts', import.meta.url).pathname;
  // As the shim runs: with a small young generation.
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--max-semi-space-size=1', program], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout);
}

/** Others on the machine count for the quantiles, but not for the average of the processor's time, which is judged. */
function line(what: string, target: number | undefined, runs: number, run: () => unknown): string {
  for (let count = 0; count < runs * 0.2; count += 1) run();
  const times: number[] = [];
  const begun = process.threadCpuUsage();
  for (let count = 0; count < runs; count += 1) {
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  const { user, system } = process.threadCpuUsage(begun);
  const average = (user + system) / 1_000 / runs;
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(runs * share)] ?? 0).toFixed(3);
  const judged = target === undefined ? '' : ` (target ${target} ms: ${verdict(average < target)})`;
  return `${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${average.toFixed(3)} ms of one core on average${judged}`;
}

function verdict(held: boolean): string {
  return held ? 'held' : 'missed';
}
