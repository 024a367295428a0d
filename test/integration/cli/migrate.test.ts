import assert from 'node:assert/strict';
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { failed, runFairlead, succeeded } from '#test/support/cli/run';

const fixtures = new URL('../operator/fixtures/old-manifests', import.meta.url);

const clashing = (namespace: string, action: string) => `apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata: {name: nginx, namespace: ${namespace}}
spec: {defaultAction: ${action}}
`;

describe('fairlead migrate', () => {
  const made: string[] = [];
  let cwd = '';
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-migrate-'));
    made.push(cwd);
    await cp(fixtures, join(cwd, 'deploy'), { recursive: true });
  });
  after(() => Promise.all(made.map((path) => rm(path, { recursive: true }))));
  const run = (...args: string[]) => runFairlead(['migrate', ...args], { cwd });

  it('prints a file as it was but for what changed, and the changes on stderr', async () => {
    const finished = await run('deploy/seccomp-disabled.yaml');
    const before = await readFile(join(cwd, 'deploy/seccomp-disabled.yaml'), 'utf8');
    const expected = before
      .replace('v1beta1', 'v1')
      .replace(/ {2}# All profiles of the shop.*\n.*\n/, '')
      .replace('disabled: true', 'state: Disabled');
    assert.equal(succeeded(finished), expected);
    assert.match(
      finished.stderr,
      /^note: deploy\/seccomp-disabled\.yaml:13: SeccompProfile shop\/checkout: \/spec\/disabled: true -> \/spec\/state: "Disabled" \(/m,
    );
    assert.match(finished.stderr, /^note: .*: removed \/metadata\/namespace: "shop" \(the kind is cluster-scoped\)$/m);
  });

  it('has one line on all fields of an object that API servers set', async () => {
    const { stdout } = await run('--check', 'deploy/seccomp-export.yaml');
    const set = ['creationTimestamp', 'generation', 'managedFields', 'resourceVersion', 'uid'];
    const fields = set.map((name) => `/metadata/${name}`).join(', ');
    const line = `change: deploy/seccomp-export.yaml:8: SeccompProfile catalog/search: removed ${fields} (the API server sets it)`;
    assert.ok(stdout.split('\n').includes(line), stdout);
    assert.equal(stdout.match(/the API server sets it/g)?.length, 1);
    assert.match(stdout, /^1 file to change \(10 changes\)/m);
  });

  it('prints the manifests of a directory as one stream, and nothing else of it', async () => {
    await writeFile(join(cwd, 'deploy', 'values.yaml'), 'image: nginx\n');
    await writeFile(join(cwd, 'deploy', 'broken-chart.yaml'), 'a: {{ .Values.b }}\n');
    const printed = succeeded(await run('deploy'));
    assert.doesNotMatch(printed, /^image: nginx$|\{\{/m);
    assert.equal(printed.match(/^kind: ProfileBinding$/gm)?.length, 3);
    assert.equal(printed.match(/^---$/gm)?.length, 31);
    // The stream is a file, in which nothing is left to change.
    const again = await runFairlead(['migrate', '-', '--check'], { cwd, input: printed });
    assert.match(succeeded(again), /^0 files to change \(0 changes\), 0 decisions, [0-9]+ notices$/m);
  });

  it('stops a pipeline with --check, until --in-place has rewritten the files', async () => {
    const before = await stat(join(cwd, 'deploy/daemon-flat.yaml'));
    const found = await run('--check', 'deploy');
    failed(found, 1, /^failed: 20 files would change\nhint: Run fairlead migrate --in-place deploy\.$/m);
    assert.match(found.stdout, /^change: deploy\/daemon-flat\.yaml:11: .*\/spec\/enableSelinux: true -> /m);
    assert.equal((await stat(join(cwd, 'deploy/daemon-flat.yaml'))).mtimeMs, before.mtimeMs);
    await chmod(join(cwd, 'deploy/daemon-flat.yaml'), 0o664);
    assert.match(succeeded(await run('--in-place', 'deploy')), /^20 files changed \([0-9]+ changes\), 0 decisions, /m);
    assert.equal((await stat(join(cwd, 'deploy/daemon-flat.yaml'))).mode & 0o777, 0o664);
    assert.match(succeeded(await run('--check', 'deploy')), /^0 files to change /m);
    assert.match(succeeded(await run('--in-place', 'deploy')), /^0 files changed /m);
    assert.equal((await readdir(join(cwd, 'deploy'))).length, 20, 'a temporary file was left behind');
  });

  it('rewrites what a link leads to, and keeps the link', async () => {
    await symlink('deploy/binding-seccomp.yaml', join(cwd, 'link.yaml'));
    succeeded(await run('--in-place', 'link.yaml'));
    assert.ok((await lstat(join(cwd, 'link.yaml'))).isSymbolicLink());
    assert.match(await readFile(join(cwd, 'deploy/binding-seccomp.yaml'), 'utf8'), /x-k8s\.io\/v1$/m);
  });

  it('leaves a file as it is in which something must be decided, and rewrites the others', async () => {
    await mkdir(join(cwd, 'clash'));
    const files = { 'a.yaml': clashing('web', 'SCMP_ACT_LOG'), 'b.yaml': clashing('shop', 'SCMP_ACT_ERRNO') };
    const old = await readFile(join(cwd, 'deploy/recording-logs.yaml'), 'utf8');
    files['a.yaml'] += `---\n${old.replace(/^---\n/, '')}`;
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, 'clash', name), text);
    await cp(join(cwd, 'deploy/binding-seccomp.yaml'), join(cwd, 'clash/c.yaml'));
    const found = await run('--in-place', 'clash');
    failed(found, 1, /^failed: 2 decisions to make in 2 files\nhint: Edit the manifests /m);
    assert.match(
      found.stdout,
      /^decision: clash\/a\.yaml:3: .*\(name-clash, \/metadata\/name\)\n {2}- Rename it, such as to web-nginx, /m,
    );
    assert.match(found.stdout, /^1 file changed \(1 change\), 2 decisions in 2 files, /m);
    assert.doesNotMatch(found.stdout, /^change: clash\/a\.yaml/m);
    for (const [name, text] of Object.entries(files)) {
      assert.equal(await readFile(join(cwd, 'clash', name), 'utf8'), text);
    }
    const printed = await run('clash');
    failed(printed, 1, /^warning: clash\/a\.yaml:3: .*\nhint: Rename it/m);
    assert.match(printed.stdout, /namespace: web/);
  });

  it('describes everything in JSON', async () => {
    await writeFile(join(cwd, 'deploy', 'z.yaml'), 'security-profiles-operator.x-k8s.io: [\n');
    const { code, stdout, stderr } = await run('deploy', '--output', 'json');
    assert.equal(code, 3);
    assert.match(JSON.parse(stderr).error.message, /^deploy\/z\.yaml:2:1: not valid YAML/);
    const { failed: isFailed, files, changes, unread } = JSON.parse(stdout);
    assert.equal(isFailed, true);
    assert.deepEqual([files.length, unread.length], [20, 1]);
    assert.ok(
      files.every(({ status, content }: { status: string; content: string }) => status === 'changed' && content),
    );
    const large = changes.find(({ from }: { from: { pointer: string } | null }) => from?.pointer === '/nodeName');
    assert.deepEqual(large.to, { pointer: '/spec/nodeName', value: '"worker-1"' });
    const checked = JSON.parse((await run('deploy/workloads.yaml', '--check', '--output', 'json')).stdout);
    assert.equal(checked.files[0].content, undefined);
    assert.equal(checked.failed, true);
  });

  it('refuses what it cannot do', async () => {
    failed(
      await runFairlead(['migrate', '--in-place', '-'], { cwd, input: '' }),
      2,
      /^error: --in-place cannot rewrite stdin\nhint: /m,
    );
    failed(await run('--in-place', '--check', 'deploy'), 2, /--in-place.*--check|--check.*--in-place/);
    failed(await run('absent.yaml'), 2, /^error: cannot read absent\.yaml$/m);
    await writeFile(join(cwd, 'latin.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
    failed(await run('latin.yaml'), 2, /^error: latin\.yaml: not valid UTF-8\n.*\nhint: .*iconv/m);
    failed(await run('absent.yaml', 'latin.yaml'), 2, /^error: 2 of 2 files could not be read$/m);
  });
});
