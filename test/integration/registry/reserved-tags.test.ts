import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, run, runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';

const token = 'a-token-for-the-test-only';
const profile = '{"defaultAction": "SCMP_ACT_ERRNO"}\n';

describePeers(['docker-registry'], 'a tag that is kept for the signatures of another artifact', () => {
  let cwd = '';
  let registry: Registry;
  let services: Services;
  let repository = '';
  /** The reserved tags of a signed artifact that is there. */
  let reserved: readonly string[] = [];
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-reserved-'));
    registry = await startRegistry();
    repository = `${registry.host}/security/nginx`;
    await writeFile(join(cwd, 'victim.json'), profile);
    await writeFile(join(cwd, 'other.json'), profile.trim());
    succeeded(await runFairlead(['keygen'], { cwd }));
    await writeFile(
      join(cwd, 'policy.yaml'),
      'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}]}\n',
    );
    const push = ['push', 'victim.json', `${repository}:1`, '--key', 'fairlead.key', '--output', 'json'];
    const { digest } = JSON.parse(succeeded(await runFairlead(push, { cwd })));
    const list = digest.replace(':', '-');
    reserved = [list, `${list}.sig`, `${list}.att`, `${list}.sbom`];
    succeeded(await runFairlead(['push', 'other.json', `${repository}:other`, '--key', 'fairlead.key'], { cwd }));
    const listen = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'];
    services = await startServe(['--policy', 'policy.yaml', '--key', 'fairlead.key', ...listen], {
      cwd,
      env: { FAIRLEAD_PUSH_TOKEN: token },
    });
  });
  after(async () => {
    await services?.stop();
    await registry.stop();
    await rm(cwd, { recursive: true });
  });

  const stillVerifies = async (): Promise<void> => {
    succeeded(await runFairlead(['verify', `${repository}:1`, '--policy', 'policy.yaml'], { cwd }));
  };

  it('is written by no push, neither of the command nor of the service', async () => {
    for (const tag of reserved) {
      const pushing = await runFairlead(['push', 'other.json', `${repository}:${tag}`, '--key', 'fairlead.key'], {
        cwd,
      });
      failed(pushing, 2, new RegExp(`^error: tag ${tag} is reserved.*\nhint: Choose another tag`));
      const reference = encodeURIComponent(`${repository}:${tag}`);
      const response = await fetch(`${services.push}/v1/profiles?reference=${reference}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: profile,
      });
      assert.equal(response.status, 400);
      assert.match(await response.text(), /is reserved/);
    }
    await stillVerifies();
  });

  it('is written by no tag, copy, save or load', async () => {
    for (const tag of reserved) {
      const source = `${repository}:other`;
      for (const args of [
        ['tag', source, 'fine', tag],
        ['copy', source, `${repository}:${tag}`],
        ['copy', source, `${repository}:${tag}`, '--no-referrers'],
      ]) {
        failed(await runFairlead(args, { cwd }), 2, /^error: tag sha256-.* is reserved/);
      }
    }
    const [list = ''] = reserved;
    // A tag of the source that is used if the destination has none.
    failed(
      await runFairlead(['copy', `${repository}:${list}`, `${registry.host}/elsewhere`], { cwd }),
      2,
      /is reserved/,
    );
    succeeded(await runFairlead(['save', `${repository}:other`, 'other.tar'], { cwd }));
    failed(await runFairlead(['load', 'other.tar', `${repository}:${list}`], { cwd }), 2, /is reserved/);
    failed(await runFairlead(['save', `${repository}:${list}`, 'list.tar'], { cwd }), 2, /is reserved/);
    assert.deepEqual(JSON.parse(succeeded(await runFairlead(['ls', repository, '--output', 'json'], { cwd }))).names, [
      '1',
      'other',
    ]);
    await stillVerifies();
  });

  it('is written by no archive that calls an artifact so', async () => {
    const copied = ['copy', `${repository}:other`, 'localhost/hostile', '--to-oci-layout', 'layout'];
    succeeded(await runFairlead(copied, { cwd }));
    const file = join(cwd, 'layout/localhost/hostile/index.json');
    const index = JSON.parse(await readFile(file, 'utf8'));
    const name = 'org.opencontainers.image.ref.name';
    const tagged = index.manifests.find((entry: { annotations?: object }) => entry.annotations !== undefined);
    index.manifests.push({ ...tagged, annotations: { [name]: reserved[0] } });
    await writeFile(file, JSON.stringify(index));
    succeeded(await run('tar', ['-cf', 'hostile.tar', '-C', 'layout/localhost/hostile', '.'], { cwd }));
    const loading = await runFairlead(['load', 'hostile.tar', repository], { cwd });
    failed(loading, 2, /reserved tag "sha256-.*" in hostile\.tar/);
    await stillVerifies();
  });

  it('is read all the same', async () => {
    const [list] = reserved;
    for (const command of ['inspect', 'referrers'])
      succeeded(await runFairlead([command, `${repository}:${list}`], { cwd }));
    const { names: all } = JSON.parse(
      succeeded(await runFairlead(['ls', repository, '--all', '--output', 'json'], { cwd })),
    );
    assert.ok(all.includes(list));
    succeeded(
      await runFairlead(['copy', `${repository}:${list}`, `${registry.host}/elsewhere:list`, '--no-referrers'], {
        cwd,
      }),
    );
  });
});
