import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';

/** Returns how many MiB the young generation takes while objects are made that live for a while. */
function youngGeneration(options: readonly string[], env: NodeJS.ProcessEnv = {}): number {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { stayLean } from '#cli/process/lean-process';
    stayLean();
    let [peak, kept] = [0, []];
    for (let i = 0; i < 2_000_000; i++) {
      kept.push({ name: 'x' + i });
      if (kept.length > 20_000) kept = kept.slice(10_000);
      if (i % 50_000 > 0) continue;
      const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      peak = Math.max(peak, young.space_size);
    }
    console.log(peak / 2 ** 20);`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...options, '--input-type=module-typescript', '-e', script],
    { cwd: `${import.meta.dirname}/../..`, encoding: 'utf8', env: { ...process.env, ...env } },
  );
  assert.equal(status, 0, stderr);
  return Number(stdout);
}

it('a lean process has a small young generation, unless the user wants another', () => {
  const size = youngGeneration([]);
  assert.ok(size <= 4, `${size} MiB`);
  for (const wanted of [
    youngGeneration(['--max-semi-space-size=16']),
    youngGeneration([], { NODE_OPTIONS: '--max-semi-space-size=16' }),
  ]) {
    assert.ok(wanted > 8, `${wanted} MiB`);
  }
});
