import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Finished, run, runFairlead, succeeded } from '#test/cli/run';
import { type Services, startServe } from '#test/cli/serve';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';

const flood = fileURLToPath(new URL('../cli/flood.ts', import.meta.url));

/** A profile of some 700 KB, which takes tens of milliseconds to read. */
function largeProfile(): string {
  const syscalls = Array.from({ length: 7_500 }, (_, n) => ({
    names: [`call_${n % 300}`],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: n % 6, value: n, op: 'SCMP_CMP_EQ' }],
  }));
  return JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });
}

describePeers(['docker-registry'], 'the pull service, asked for the same profile 400 times at once', () => {
  let cwd = '';
  let registry: Registry;
  let services: Services;
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-flood-'));
    registry = await startRegistry();
    const content = largeProfile();
    assert.ok(content.length > 600_000);
    await writeFile(join(cwd, 'large.json'), content);
    await writeFile(
      join(cwd, 'policy.yaml'),
      'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}]}\n',
    );
    succeeded(await runFairlead(['keygen'], { cwd }));
    const push = ['push', 'large.json', `${registry.host}/security/large:1`, '--key', 'fairlead.key'];
    succeeded(await runFairlead(push, { cwd }));
    const listen = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'];
    services = await startServe(['--policy', 'policy.yaml', '--key', 'fairlead.key', ...listen], {
      cwd,
      env: { FAIRLEAD_PUSH_TOKEN: 'a-token-for-the-test-only' },
    });
  });
  after(async () => {
    await services?.stop();
    await registry.stop();
    await rm(cwd, { recursive: true });
  });

  it('asks the registry few times, and answers its health in between', async (t) => {
    const url = `${services.pull}/v1/profiles?reference=${encodeURIComponent(`${registry.host}/security/large:1`)}`;
    const requests = () =>
      readFileSync(registry.log, 'utf8')
        .split('\n')
        .filter((line) => / "(?:GET|HEAD) /.test(line));
    const before = requests().length;
    let finished: Finished | undefined;
    const flooding = run(process.execPath, [flood, url, '400']).then((end) => {
      finished = end;
    });
    const waits: number[] = [];
    while (finished === undefined) {
      const began = performance.now();
      const { status } = await fetch(`${services.pull}/healthz`, { headers: { connection: 'close' } });
      assert.equal(status, 200);
      waits.push(performance.now() - began);
      await sleep(10);
    }
    await flooding;
    assert.deepEqual(JSON.parse(finished.stdout), { 200: 400 });
    const asked = requests().slice(before);
    const longest = Math.max(...waits);
    t.diagnostic(
      `health after at most ${longest.toFixed(0)} ms, in ${waits.length} requests; ${asked.length} requests to the registry`,
    );
    // Some for the profile and its signature, and one for the tag now and then.
    assert.ok(asked.length < 100, `${asked.length} requests to the registry`);
    assert.ok(longest < 2000, `health took ${longest.toFixed(0)} ms`);
  });
});
