import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';

/**
 * Returns how many MiB the young generation takes at first, which varies with how the start went,
 * and at most while objects are made that live for a while.
 */
function youngGeneration(
  options: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly first: number; readonly peak: number } {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { stayLean } from '#cli/process/lean-process';
    stayLean();
    const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
    const first = size();
    let [peak, kept] = [0, []];
    for (let i = 0; i < 2_000_000; i++) {
      kept.push({ name: 'x' + i });
      if (kept.length > 20_000) kept = kept.slice(10_000);
      if (i % 50_000 > 0) continue;
      peak = Math.max(peak, size());
    }
    console.log(JSON.stringify({ first: first / 2 ** 20, peak: peak / 2 ** 20 }));`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...options, '--input-type=module-typescript', '-e', script],
    { cwd: `${import.meta.dirname}/../..`, encoding: 'utf8', env: { ...process.env, ...env } },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
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
