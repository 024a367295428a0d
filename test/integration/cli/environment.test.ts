import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failed, runFairlead, succeeded } from '#test/support/cli/run';

const rule = (key: string): string =>
  `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: ${key}}]}\n`;

describe('environment variables', () => {
  let cwd = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-environment-'));
    await writeFile(join(cwd, 'nginx.json'), '{"defaultAction": "SCMP_ACT_ERRNO"}');
    await writeFile(join(cwd, 'policy.yaml'), rule('a.pub'));
    await writeFile(join(cwd, 'strict.yaml'), rule('b.pub'));
    for (const prefix of ['a', 'b']) succeeded(await runFairlead(['keygen', '--prefix', prefix], { cwd }));
    succeeded(await fairlead(['push', 'nginx.json', 'localhost/nginx:1', '--key', 'a.key']));
  });
  after(() => rm(cwd, { recursive: true }));

  const fairlead = (args: readonly string[], env: Record<string, string> = {}) =>
    runFairlead([...args, '--oci-layout', 'layout'], { cwd, env });
  const push = ['push', 'nginx.json', 'localhost/other:1'];
  const verify = ['verify', 'localhost/nginx:1'];
  const key = { FAIRLEAD_KEY: 'a.key' };
  const strict = { FAIRLEAD_POLICY: 'strict.yaml' };

  it('FAIRLEAD_KEY signs, unless the command line chooses another signer or none', async () => {
    const signedBy = async (name: string): Promise<void> =>
      void succeeded(await fairlead(['verify', name, '--key', 'a.pub']));
    succeeded(await fairlead(push, key));
    await signedBy('localhost/other:1');
    succeeded(await fairlead(['sign', 'localhost/other:1'], key));
    succeeded(await fairlead(['push', 'nginx.json', 'localhost/b:1', '--key', 'b.key'], key));
    failed(await fairlead(['verify', 'localhost/b:1', '--key', 'a.pub']), 5, /no signature .* is by key /);
    succeeded(await fairlead(['push', 'nginx.json', 'localhost/none:1', '--unsigned'], key));
    failed(await fairlead(['verify', 'localhost/none:1', '--key', 'a.pub']), 5, /is not signed/);
    // Both on the command line exclude each other.
    failed(await fairlead([...push, '--unsigned', '--key', 'a.key']), 2, /cannot be used together/);
  });

  it('FAIRLEAD_POLICY decides, unless the command line names a policy or a signer', async () => {
    failed(await fairlead(verify, strict), 5, /which requires key b\.pub/);
    succeeded(await fairlead([...verify, '--policy', 'policy.yaml'], strict));
    succeeded(await fairlead([...verify, '--key', 'a.pub'], strict));
    failed(await fairlead([...push, '--key', 'a.key'], strict), 5, /which requires key b\.pub/);
    const { stderr } = await fairlead([...verify, '-v'], { FAIRLEAD_POLICY: 'policy.yaml' });
    assert.match(stderr, /^step: --policy policy\.yaml, from FAIRLEAD_POLICY$/m);
    assert.doesNotMatch((await fairlead([...verify, '-v', '--key', 'a.pub'], strict)).stderr, /strict\.yaml/);
  });

  it('FAIRLEAD_POLICY is for references, and not mentioned if only files are read', async () => {
    for (const env of [strict, { FAIRLEAD_POLICY: 'none.yaml' }]) {
      const { code, stderr } = await fairlead(['diff', 'nginx.json', 'nginx.json'], env);
      assert.deepEqual([code, stderr], [0, '']);
    }
    const { stderr } = await fairlead(['diff', 'nginx.json', 'nginx.json', '--policy', 'policy.yaml']);
    assert.match(stderr, /^note: nothing was verified/);
    failed(await fairlead(['convert', 'oci://localhost/nginx:1', '--to', 'spo'], strict), 5, /requires key b\.pub/);
    succeeded(await fairlead(['convert', 'oci://localhost/nginx:1', '--to', 'spo', '--key', 'a.pub'], strict));
  });

  it('FAIRLEAD_POLICY takes the place of the policy of a project, and push warns of it', async () => {
    await writeFile(
      join(cwd, 'fairlead.yaml'),
      'repository: localhost/project\npolicy: strict.yaml\n' +
        'signer: {key: a.key}\nprofiles:\n  - file: nginx.json\n    name: nginx\n',
    );
    const project = ['push', '--tag', '1', '--quiet'];
    failed(await fairlead(project), 5, /could not be published/);
    const lax = await fairlead(project, { FAIRLEAD_POLICY: 'policy.yaml' });
    assert.equal(lax.code, 0, lax.stderr);
    assert.match(lax.stderr, /^warning: policy\.yaml, from FAIRLEAD_POLICY, is used instead of \S*strict\.yaml$/m);
    const keyed = await fairlead(project, { FAIRLEAD_POLICY: 'policy.yaml', FAIRLEAD_KEY: 'b.key' });
    assert.match(keyed.stderr, /^warning: b\.key, from FAIRLEAD_KEY, is used instead of a\.key$/m);
    const chosen = await fairlead([...project, '--policy', './policy.yaml'], strict);
    assert.deepEqual([chosen.code, chosen.stderr], [0, '']);
    const same = await fairlead([...project, '--dry-run'], { FAIRLEAD_POLICY: './strict.yaml' });
    assert.doesNotMatch(same.stderr, /^warning/m);
  });

  it('that are empty, or name no file, are refused', async () => {
    for (const [args, env, message] of [
      [verify, { FAIRLEAD_POLICY: '' }, /value '' from env 'FAIRLEAD_POLICY' is invalid\. Want the name of a file/],
      [[...push, '--key', 'a.key'], { FAIRLEAD_POLICY: '' }, /from env 'FAIRLEAD_POLICY' is invalid/],
      [push, { FAIRLEAD_KEY: '' }, /from env 'FAIRLEAD_KEY' is invalid/],
      [[...push, '--key', 'a.key'], { FAIRLEAD_POLICY: 'none.yaml' }, /cannot read none\.yaml/],
      [push, { FAIRLEAD_KEY: 'none.key' }, /cannot read none\.key/],
    ] as const) {
      failed(await fairlead(args, env), 2, message);
    }
  });

  it('are no options of a service', async () => {
    const env = { FAIRLEAD_KEY: 'a.key', FAIRLEAD_POLICY: 'policy.yaml' };
    failed(await runFairlead(['serve', '--pull', '127.0.0.1:0'], { cwd, env }), 2, /no trust policy/);
    assert.doesNotMatch(succeeded(await runFairlead(['serve', '--help'], { cwd, env })), /FAIRLEAD_(?:KEY|POLICY)/);
  });
});
