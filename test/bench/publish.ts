import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peer } from '#test/peers/peer';
import { startRegistry } from '#test/peers/registry';
import { commonProfile } from './common-profile.ts';
import { unpackPackage } from './installed-programs.ts';
import { median, renderSpread } from './samples.ts';

const rounds = 7;
const profiles = 30;
/** The most that one run may take of the time of the peers, by issue. */
const target = 0.2;

/**
 * A repository of 30 profiles of 20 KiB, pushed, signed and verified: one `fairlead push` of the
 * directory, which reads everything back and verifies it as a node does, beside `oras push`,
 * `cosign sign` and `cosign verify` for each profile. All open the same encrypted key and write to
 * the same docker-registry; ours also lint and compare. And a second run, which sends nothing; the
 * peers have none: oras writes the time into each manifest.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-bench-publish-'));
  const registry = await startRegistry();
  const environment = { PATH: process.env['PATH'], HOME: directory, COSIGN_PASSWORD: 'secret' };
  const run = (command: string, ...args: string[]): void => {
    const { status, stderr } = spawnSync(command, args, { cwd: directory, encoding: 'utf8', env: environment });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  };
  try {
    const launcher = await unpackPackage(directory);
    const fairlead = (...args: string[]): void => run(process.execPath, launcher, ...args);
    fairlead('keygen');
    run(peer('cosign'), 'signing-config', 'create', '--out', 'offline.json');
    await writeFile(
      join(directory, 'policy.yaml'),
      'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - match: "**"\n    require: [{key: fairlead.pub}]\n',
    );
    const names = Array.from({ length: profiles }, (_, at) => `p${at}`);
    await mkdir(join(directory, 'profiles'));
    for (const [at, name] of names.entries()) {
      // Blanks, so that no two profiles have the same digest.
      await writeFile(join(directory, 'profiles', `${name}.json`), `${commonProfile()}${' '.repeat(at)}\n`);
    }
    const publish = (to: string): void =>
      fairlead('push', 'profiles', `${to}/`, '--tag', 'v1', '--key', 'fairlead.key', '--policy', 'policy.yaml');
    const signing = ['--key', 'fairlead.key', '--signing-config', 'offline.json', '--allow-http-registry'];
    const verifying = ['--key', 'fairlead.pub', '--insecure-ignore-tlog', '--allow-http-registry'];
    const contenders = {
      'one fairlead push': publish,
      'the same again': publish,
      'oras push, cosign sign, cosign verify for each': (to: string): void => {
        for (const name of names) {
          const reference = `${to}/${name}:v1`;
          run(peer('oras'), 'push', '--plain-http', reference, `profiles/${name}.json`);
          run(peer('cosign'), 'sign', '--yes', ...signing, reference);
          run(peer('cosign'), 'verify', ...verifying, reference);
        }
      },
    };
    const times: Record<string, number[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const [name, act] of Object.entries(contenders)) {
        const whose = name.startsWith('oras') ? 'peers' : 'own';
        const began = performance.now();
        act(`${registry.host}/${whose}/${round}`);
        // The first round warms up.
        if (round > 0) times[name]?.push(performance.now() - began);
      }
    }
    const theirs = median(times['oras push, cosign sign, cosign verify for each'] ?? []);
    for (const [name, reference] of [
      ['a signed profile in an empty repository', `${registry.host}/counted:v1`],
      ['the same again', `${registry.host}/counted:v1`],
    ] as const) {
      const before = (await readFile(registry.log, 'utf8')).length;
      fairlead('push', 'profiles/p0.json', reference, '--key', 'fairlead.key', '--policy', 'policy.yaml');
      const log = (await readFile(registry.log, 'utf8')).slice(before);
      const requests = [...log.matchAll(/ "(?:GET|HEAD|POST|PUT|PATCH) [^ ]+ HTTP/g)].length;
      report(`${name}: ${requests} requests to docker-registry, which has no referrers API`);
    }
    for (const [name, samples] of Object.entries(times)) {
      const ratio = (median(samples) / theirs).toFixed(3);
      report(`${profiles} profiles, ${name}: ${renderSpread(samples, 0)} ms, ratio ${ratio} (target ${target})`);
    }
  } finally {
    await registry.stop();
    await rm(directory, { recursive: true });
  }
}
