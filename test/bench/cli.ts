import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peer } from '#test/peers/peer';
import { startRegistry } from '#test/peers/registry';
import { run } from '#test/support/cli/run';
import { commonProfile } from './common-profile.ts';
import { installPackage } from './installed-package.ts';

const rounds = 15;

/**
 * Wall time of whole processes of the published package: `fairlead pull` and `oras pull` of the
 * same artifact from the same registry; `fairlead --version`.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  const registry = await startRegistry();
  try {
    const reference = `${registry.host}/security/nginx:1`;
    const { launcher } = await installPackage(folder);
    await prepare(launcher, folder, reference);
    const policy = join(folder, 'policy.yaml');
    const programs = {
      'fairlead pull': [
        process.execPath,
        launcher,
        'pull',
        reference,
        '--policy',
        policy,
        '--file',
        join(folder, 'a.json'),
      ],
      'oras pull': [peer('oras'), 'pull', '--plain-http', '--output', join(folder, 'oras'), reference],
      'fairlead --version': [process.execPath, launcher, '--version'],
      'empty Node script': [process.execPath, '--eval', '0'],
    };
    const times = measure(programs, folder);
    for (const [name, samples] of Object.entries(times)) {
      report(
        `${name.padEnd(20)} ${median(samples).toFixed(0)} ms median of ${rounds} (best ${Math.min(...samples).toFixed(0)})`,
      );
    }
    const ratio = median(times['fairlead pull'] ?? []) / median(times['oras pull'] ?? []);
    report(
      `fairlead pull verifies a signature and takes ${ratio.toFixed(1)} times as long as oras pull, which verifies none`,
    );
  } finally {
    await registry.stop();
    await rm(folder, { recursive: true });
  }
}

/** A signed profile in the registry, and the policy that allows it. */
async function prepare(launcher: string, folder: string, reference: string): Promise<void> {
  await writeFile(join(folder, 'nginx.json'), commonProfile());
  await writeFile(
    join(folder, 'policy.yaml'),
    'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - match: "**"\n    require: [{key: fairlead.pub}]\n',
  );
  for (const args of [['keygen'], ['push', 'nginx.json', reference, '--key', 'fairlead.key']]) {
    const { code, stderr } = await run(process.execPath, [launcher, ...args], { cwd: folder });
    if (code !== 0) throw new Error(stderr);
  }
}

/**
 * Runs the programs in turn, so that a noisy minute hits all of them; gives milliseconds. The first
 * round warms up.
 */
function measure(programs: Readonly<Record<string, string[]>>, home: string): Record<string, number[]> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, [command = '', ...args]] of Object.entries(programs)) {
      const start = performance.now();
      const { status, stderr } = spawnSync(command, args, {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: home },
      });
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      if (round > 0) times[name]?.push(performance.now() - start);
    }
  }
  return times;
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}
