import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { seenDocuments } from '#test/support/cli/assert-document';
import { type RunOptions, runFairlead } from '#test/support/cli/run';
import { documentNames } from '../../../tools/output-reference.ts';

const profile =
  '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}';
const policy =
  'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n' +
  '  - {match: "localhost/**", require: [{key: fairlead.pub}]}\n  - {match: "localhost/nginx", unsigned: true}\n';

// runFairlead asserts that each document is as the reference describes it.
describePeers(['docker-registry'], 'fairlead COMMAND --output json', () => {
  let cwd = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-documents-'));
    await writeFile(join(cwd, 'nginx.json'), profile);
    await writeFile(join(cwd, 'other.json'), profile.replace('"write"', '"close"'));
    await writeFile(join(cwd, 'docker.json'), profile.replace(']}]', '], "includes": {"caps": ["CAP_KILL"]}}]'));
    await writeFile(join(cwd, 'policy.yaml'), policy);
    await Promise.all([mkdir(join(cwd, 'one')), mkdir(join(cwd, 'two'))]);
    await writeFile(join(cwd, 'one/nginx.json'), profile);
    await writeFile(join(cwd, 'two/nginx.json'), profile.replace('"write"', '"close"'));
    await writeFile(join(cwd, 'two/other.json'), profile);
    await writeFile(join(cwd, 'containers.json'), '{"default": [{"type": "insecureAcceptAnything"}]}');
    await writeFile(join(cwd, 'predicate.json'), '{"reviewer": "alice"}');
  });
  after(() => rm(cwd, { recursive: true }));

  const json = async (args: readonly string[], code = 0, options: RunOptions = {}): Promise<string> => {
    const finished = await runFairlead([...args, '--output', 'json'], { cwd, ...options });
    assert.equal(finished.code, code, `${args.join(' ')}\n${finished.stderr}`);
    return finished.stdout;
  };
  const layout = ['--oci-layout', 'layout'];
  const key = ['--key', 'fairlead.key'];
  const artifact = 'localhost/nginx:1';

  it('prints a document that the reference describes, for keys, artifacts and policies', async () => {
    await json(['keygen']);
    await json(['push', 'nginx.json', artifact, ...key, ...layout]);
    await json(['push', 'nginx.json', artifact, ...key, ...layout, '--policy', 'policy.yaml']);
    await json(['push', 'nginx.json', 'localhost/plain', '--unsigned', ...layout]);
    await json(['sign', artifact, ...key, ...layout]);
    await json([
      'attest',
      artifact,
      ...key,
      ...layout,
      '--type',
      'https://a.example/1',
      '--predicate',
      'predicate.json',
    ]);
    await json(['verify', artifact, '--policy', 'policy.yaml', ...layout]);
    await json(['verify', 'localhost/plain', '--policy', 'policy.yaml', ...layout], 2);
    await json(['pull', artifact, '--policy', 'policy.yaml', ...layout]);
    await json(['pull', artifact, '--policy', 'policy.yaml', '--file', 'pulled.json', ...layout]);
    await json(['inspect', artifact, ...layout]);
    await json(['referrers', artifact, ...layout]);
    const { digest } = JSON.parse(await json(['inspect', artifact, ...layout]));
    const subject = ['--subject', `localhost/nginx@${digest}`];
    await json(['push', 'nginx.json', 'localhost/nginx', ...key, ...subject, ...layout]);
    await json(['push', 'other.json', 'localhost/nginx', '--unsigned', ...subject, ...layout]);
    await json(['find', artifact, '--key', 'fairlead.pub', '--all', ...layout]);
    await json(['tag', artifact, 'stable', ...layout]);
    await json(['untag', 'localhost/nginx:stable', ...layout]);
    await json(['ls', 'localhost/nginx', ...layout]);
    await json(['copy', artifact, 'localhost/copy', '--from-oci-layout', 'layout', '--to-oci-layout', 'copies']);
    await json(['save', artifact, 'nginx.tar', ...layout]);
    await json(['load', 'nginx.tar', 'localhost/loaded', ...layout]);
    const { loaded } = JSON.parse(
      (await runFairlead(['load', 'nginx.tar', 'localhost/loaded', ...layout, '-o', 'json'], { cwd })).stdout,
    );
    await json(['delete', loaded[0].reference, '--dry-run', ...layout]);
    await json(['delete', loaded[0].reference, '--yes', ...layout]);
    await json(['policy', 'check', 'policy.yaml']);
    await json(['policy', 'import', 'containers.json', '--skip']);
    await json(['policy', 'import', 'containers.json', '--skip', '--directory', 'imported']);
    await json(['policy', 'test', 'policy.yaml', artifact, ...layout]);
    await json(['policy', 'test', 'policy.yaml', 'localhost/nginx']);
    await json(['policy', 'test', 'policy.yaml', 'ghcr.io/elsewhere/nginx'], 4);
    await json(['sign-blob', 'nginx.json', ...key]);
    await json(['verify-blob', 'nginx.json', '--key', 'fairlead.pub']);
  });

  it('prints one for profiles', async () => {
    await json(['lint', 'nginx.json', 'docker.json']);
    await json(['lint', '--fail-on', 'info', 'docker.json', 'nginx.json'], 1);
    await json(['diff', 'nginx.json', 'other.json']);
    await json(['diff', 'docker.json', 'docker.json']);
    await json(['diff', '--new', 'nginx.json']);
    await json(['diff', '--deleted', 'nginx.json']);
    await json(['diff', 'one', 'two']);
    await json(['merge', '--intersect', 'nginx.json', 'other.json']);
    await json(['explain', 'nginx.json', '--syscall', 'clone', 'read']);
    await json(['explain', 'nginx.json', '--base', 'other.json', '--baseline', 'none']);
    await json(['convert', 'nginx.json', '--to', 'spo']);
    await json(['baseline', '--like', 'containerd']);
    await json(['migrate', 'nginx.json']);
    await json(['version']);
  });

  it('prints one for registries and services', async (t) => {
    const registry = await startRegistry({ user: { username: 'ann', password: 'correct horse' } });
    t.after(() => registry.stop());
    const env = { DOCKER_CONFIG: cwd };
    const login = ['login', registry.host, '--username', 'ann', '--password-stdin'];
    await json(login, 0, { env, input: 'correct horse' });
    await json(['push', 'nginx.json', `${registry.host}/nginx:1`, ...key], 0, { env });
    await json(['ls', registry.host], 0, { env });
    await json(['logout', registry.host], 0, { env });
    await json(['ls', registry.host], 6, { env });
    const service = createServer((_, response) => response.end('ok'));
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    t.after(() => service.close());
    await json(['healthcheck', `http://127.0.0.1:${(service.address() as AddressInfo).port}/readyz`]);
  });

  it('was run for every command that has one', () => {
    // test/integration/operator/coverage.test.ts has a cluster,
    // test/integration/shim/node-commands.test.ts a node, and
    // test/integration/catalog/catalog.test.ts catalogs.
    const others = documentNames.filter((name) => !/^(?:catalog|cluster|node) /.test(name));
    assert.deepEqual([...seenDocuments].sort(), others.sort());
  });
});
