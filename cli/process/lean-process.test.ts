import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';

/** Runs a script after stayLean() and collectOften(), and returns what it prints as JSON. */
function inLeanProcess<T>(script: string, options: readonly string[], env: NodeJS.ProcessEnv): T {
  const head = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { collectOften, stayLean } from '#cli/process/lean-process';
    stayLean();
    collectOften();
    const space = (name) => getHeapSpaceStatistics().find(({ space_name }) => space_name === name);`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...options, '--input-type=module-typescript', '-e', head + script],
    { cwd: `${import.meta.dirname}/../..`, encoding: 'utf8', env: { ...process.env, ...env } },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/**
 * Returns how many MiB the young generation takes at first, which varies with how the start went,
 * and at most while objects are made that live for a while.
 */
function youngGeneration(
  options: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly first: number; readonly peak: number } {
  const script = `
    const size = () => space('new_space').space_size;
    const first = size();
    let [peak, kept] = [0, []];
    for (let i = 0; i < 2_000_000; i++) {
      kept.push({ name: 'x' + i });
      if (kept.length > 20_000) kept = kept.slice(10_000);
      if (i % 50_000 > 0) continue;
      peak = Math.max(peak, size());
    }
    console.log(JSON.stringify({ first: first / 2 ** 20, peak: peak / 2 ** 20 }));`;
  return inLeanProcess(script, options, env);
}

/**
 * Returns how many MiB are used in the old generation, on average, while 20 MiB of objects live on
 * and others live for a while.
 */
function oldGeneration(options: readonly string[] = []): number {
  const script = `
    const live = Array.from({ length: 400_000 }, (_, i) => ({ name: 'x' + i }));
    let [sum, samples, kept] = [0, 0, []];
    for (let i = 0; i < 6_000_000; i++) {
      kept.push({ name: 'x' + i });
      if (kept.length > 100_000) kept = kept.slice(50_000);
      if (i % 20_000 > 0) continue;
      sum += space('old_space').space_used_size;
      samples++;
    }
    globalThis.live = live;
    console.log(sum / samples / 2 ** 20);`;
  return inLeanProcess(script, options, {});
}

it('a lean process has a small young generation, unless the user wants another', () => {
  const { first, peak } = youngGeneration([]);
  // 2 to 5 MiB, and more where other processes keep the collector from its work.
  assert.ok(peak <= Math.max(12, first), `${first} MiB at first, ${peak} MiB later`);
  for (const wanted of [
    youngGeneration(['--max-semi-space-size=16']),
    youngGeneration([], { NODE_OPTIONS: '--max-semi-space-size=16' }),
  ]) {
    assert.ok(wanted.peak > 16, `${wanted.peak} MiB`);
  }
});

it('the old generation is collected when it has doubled, unless the user wants another limit', () => {
  // 43 to 47 MiB, and 66 to 73 MiB; both grow if other processes keep the collector from its work.
  const often = oldGeneration();
  for (const option of ['--heap-growing-percent=300', '--max-old-space-size=8192']) {
    const wanted = oldGeneration([option]);
    assert.ok(often < 0.85 * wanted, `${often} MiB, ${wanted} MiB with ${option}`);
  }
});
