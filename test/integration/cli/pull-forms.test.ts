import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { mediaTypes } from '#lib/registry/descriptor';
import { layoutRepository } from '#lib/registry/layout/repository';
import { failed, runFairlead, succeeded } from '#test/support/cli/run';

const conditional = JSON.stringify({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: ['ptrace'], action: 'SCMP_ACT_ALLOW', comment: '', includes: { caps: ['CAP_SYS_PTRACE'] } }],
});
const commented = conditional.replace(/,"includes":\{[^}]*\}/, '');

describe('fairlead pull with profiles in the form of Docker', () => {
  let cwd = '';
  const pull = (tag: string, ...args: string[]) =>
    runFairlead(['pull', `localhost/crio:${tag}`, '--policy', 'policy.yaml', '--oci-layout', 'registry', ...args], {
      cwd,
    });

  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-pull-forms-'));
    const rules = 'rules:\n  - {match: localhost/**, unsigned: true}\n';
    await writeFile(join(cwd, 'policy.yaml'), `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n${rules}`);
    const config = blob('application/vnd.cncf.seccomp-profile.config.v1+json', Buffer.from('{}'));
    const publish = async (tag: string, text: string, mediaType: string) => {
      const layer = blob(mediaType, Buffer.from(text), { 'org.opencontainers.image.title': 'seccomp.json' });
      const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
      const artifact = assembleArtifact({ ...manifest, layers: [layer.descriptor] }, [config, layer]);
      await pushArtifact(layoutRepository(join(cwd, 'registry'), 'localhost/crio'), artifact, undefined, tag);
    };
    await publish('conditional', conditional, mediaTypes.imageLayer);
    await publish('commented', commented, mediaTypes.imageLayer);
    await publish('runtime', conditional, 'application/json');
  });
  after(() => rm(cwd, { recursive: true }));

  it('refuses them in the layout of runtimes', async () => {
    failed(
      await pull('runtime'),
      3,
      /"\/syscalls\/0\/\w+" belongs to the form of Docker.*\nhint: .*fairlead convert --to runtime FILE/,
    );
  });

  it('requires a container in the layout of CRI-O, and writes what it gets', async () => {
    for (const args of [[], ['--output', 'json'], ['--architecture', 'amd64', '--kernel', '6.1']]) {
      const refusal = await pull('conditional', ...args);
      assert.equal(refusal.stdout, '');
      failed(refusal, 2, /what it permits depends on the container/);
      assert.match(refusal.stderr, /--capabilities default/);
    }
    const on = ['--architecture', 'amd64', '--kernel', '6.1'];
    for (const [capabilities, rules] of [
      ['none', []],
      ['SYS_PTRACE', [{ names: ['ptrace'], action: 'SCMP_ACT_ALLOW' }]],
    ] as const) {
      const { code, stdout, stderr } = await pull('conditional', '--capabilities', capabilities, ...on);
      assert.deepEqual([code, JSON.parse(stdout)], [0, { defaultAction: 'SCMP_ACT_ERRNO', syscalls: rules }]);
      assert.equal(stderr, `note: resolved for one container: amd64, Linux 6.1, capabilities ${capabilities}\n`);
      const json = await pull('conditional', '--capabilities', capabilities, ...on, '--output', 'json');
      assert.deepEqual(JSON.parse(json.stdout).profile, JSON.parse(stdout));
      succeeded(await pull('conditional', '--capabilities', capabilities, ...on, '--file', 'out.json'));
      assert.equal(await readFile(join(cwd, 'out.json'), 'utf8'), stdout);
    }
  });

  it('needs no container if the profile does not depend on it', async () => {
    const { code, stdout, stderr } = await pull('commented');
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(JSON.parse(stdout).syscalls, [{ names: ['ptrace'], action: 'SCMP_ACT_ALLOW' }]);
  });

  it('are read by other commands too, resolved for one container', async () => {
    await writeFile(join(cwd, 'plain.json'), commented.replace('"comment":""', '"args":[]'));
    const trust = ['--oci-layout', 'registry', '--policy', 'policy.yaml'];
    const on = ['--architecture', 'amd64', '--kernel', '6.1'];
    const read = (command: string, tag: string, ...args: string[]) =>
      runFairlead([command, `localhost/crio:${tag}`, ...args, ...trust, ...on], { cwd });
    const converted = await read('convert', 'conditional', '--to', 'runtime', '--capabilities', 'SYS_PTRACE');
    assert.deepEqual(JSON.parse(succeeded(converted)).syscalls, [{ names: ['ptrace'], action: 'SCMP_ACT_ALLOW' }]);
    assert.match(converted.stderr, /^note: localhost\/crio:conditional@sha256:\w+: resolved for one container: amd64/m);
    failed(await read('diff', 'conditional', 'plain.json'), 2, /crio:conditional@sha256:\w+ is in the form of Docker/);
    failed(await read('explain', 'conditional'), 2, /nodes refuse this form, because what it permits depends/);
    const { changes } = JSON.parse(succeeded(await read('diff', 'commented', 'plain.json', '--output', 'json')));
    assert.deepEqual(changes, []);
    failed(await read('lint', 'runtime'), 3, /localhost\/crio:runtime: .*belongs to the form of Docker/);
  });
});
