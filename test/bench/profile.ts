import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importProfile } from '#lib/profile/import-profile';
import { lint } from '#lib/profile/lint';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { renderProfile } from '#lib/profile/render-profile';
import { diffSeccomp } from '#lib/profile/seccomp/diff';
import { effectiveAsWritten } from '#lib/profile/seccomp/effective-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';
import { validateArtifact } from '#lib/profile/validate-artifact';
import { usualDefault } from '#test/support/runtime-default';
import {
  allowList,
  alternatives,
  dockerProfiles,
  entryCap,
  host,
  largeProfiles,
  unknownFields,
} from './profile-cases.ts';

const native = 'SCMP_ARCH_X86_64';
const limits = { entriesPerSyscall: 128 };

/** Without this many runs, the 99th percentile is the slowest one. */
const manyRuns = 1_000;
const fewRuns = 100;

/**
 * The worst cases of the algebra of seccomp profiles: the median and the 99th percentile of each,
 * and the time of one core against what it may take; and how much memory a process needs for
 * profiles that are large in several respects.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const baseline = usualDefault({ architecture: 'amd64', capabilities: ['CAP_NET_BIND_SERVICE'] });
  const example = seccompOf(readProfile(readFileSync(new URL('../../examples/nginx.json', import.meta.url))));
  const [first, second, many] = [entryCap(1), entryCap(2), allowList(450)];
  const meet = (artifact: SeccompProfile) => () => effectiveAsWritten({ baseline, artifact }, native);

  report(line('intersect the nginx example with RuntimeDefault', 0.5, manyRuns, meet(example)));
  report(line('intersect 450 syscalls with RuntimeDefault', 0.5, manyRuns, meet(many)));
  report(line('intersect 200 syscalls, 50 of them with two alternatives', 1, manyRuns, meet(alternatives(200, 50))));
  report(
    line('intersect 450 syscalls, 113 of them with two alternatives', 1.3, manyRuns, meet(alternatives(450, 113))),
  );
  // What was read of a profile is kept with it: a copy stands for a profile that is merged once.
  const conditional = alternatives(450, 113);
  report(line('the same, each time with another artifact', 1.3, manyRuns, () => meet({ ...conditional })()));
  report(
    line('intersect 128 entries for one syscall with 128 others', 10, manyRuns, () =>
      effectiveAsWritten({ baseline: first, artifact: second }, native),
    ),
  );
  report(
    line('unite 128 entries for one syscall with 128 others', 10, manyRuns, () =>
      unionSeccomp([first, second], native),
    ),
  );
  report(line('compare 450 syscalls with RuntimeDefault', 10, fewRuns, () => diffSeccomp(baseline, many, native)));
  for (const [what, make] of Object.entries(largeProfiles)) {
    const bytes = Buffer.from(make());
    report(`${what}, ${(bytes.length / 2 ** 20).toFixed(2)} MiB`);
    const profile = readProfile(bytes);
    const validated = () => validateArtifact(readProfile(bytes), limits);
    const lines = [
      line('readProfile and validateArtifact', 10, fewRuns, validated),
      line('validateArtifact alone', 10, fewRuns, () => validateArtifact(profile, limits)),
      line('intersect with RuntimeDefault', 10, fewRuns, meet(seccompOf(profile))),
      line('renderProfile', 10, fewRuns, () => renderProfile(profile)),
      line('lint', undefined, fewRuns, () => lint(profile)),
      memoryLine('readProfile, validateArtifact, intersect and renderProfile', bytes, 'read'),
    ];
    for (const text of lines) report(`  ${text}`);
  }
  for (const [what, make] of Object.entries(dockerProfiles)) {
    const bytes = Buffer.from(make());
    report(`${what}, ${(bytes.length / 2 ** 20).toFixed(2)} MiB`);
    report(`  ${line('importProfile', undefined, fewRuns, () => importProfile(bytes, 'bench', { host }))}`);
    report(`  ${memoryLine('importProfile, validateArtifact, intersect and renderProfile', bytes, 'import')}`);
    report(`  ${line('readProfile refuses it', undefined, fewRuns, () => assert.throws(() => readProfile(bytes)))}`);
  }
  const bytes = Buffer.from(unknownFields());
  report(`unknown fields in every entry, ${(bytes.length / 2 ** 20).toFixed(2)} MiB`);
  report(`  ${line('readProfile refuses it', undefined, fewRuns, () => assert.throws(() => readProfile(bytes)))}`);
}

/**
 * What a process needs in memory at its peak, in times the input: under the flags of the shim, and
 * in a Node without any. There much of it is the young generation, which V8 lets grow to some 30
 * MiB before it looks how much of it is in use; who has many processes and little memory gives them
 * --max-semi-space-size=1 too, in NODE_OPTIONS.
 */
function memoryLine(what: string, bytes: Uint8Array, reader: 'read' | 'import'): string {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  try {
    const file = join(directory, 'profile.json');
    writeFileSync(file, bytes);
    const lean = peakMemory(['--max-semi-space-size=1'], [file, reader]) / bytes.length;
    const usual = peakMemory([], [file, reader]) / bytes.length;
    const judged = `${lean.toFixed(1)} times the input in memory (target 10: ${verdict(lean < 10)})`;
    return `${what}: ${judged}, ${usual.toFixed(1)} times without the flags of the shim`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * How many bytes more a process of its own needs at its peak; the median, since V8 collects its
 * garbage when it likes.
 */
function peakMemory(flags: readonly string[], args: readonly string[]): number {
  const program = new URL('./peak-memory.ts', import.meta.url).pathname;
  const peaks = Array.from({ length: 5 }, () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, program, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return Number(stdout);
  });
  return peaks.sort((a, b) => a - b)[peaks.length >> 1] ?? Number.NaN;
}

/**
 * Others on the machine count for the quantiles, but not for the average of the processor's time,
 * which is judged.
 */
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
