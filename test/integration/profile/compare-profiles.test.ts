import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { launcher, run } from '#test/support/cli/run';

const allowing = (...names: string[]) =>
  `${JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] }, undefined, 2)}\n`;
const resource = (...names: string[]) => `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata: {name: app}
spec: {defaultAction: SCMP_ACT_ERRNO, syscalls: [{names: [${names.join(', ')}], action: SCMP_ACT_ALLOW}]}
`;

describe('compare-profiles.sh of docs/guides/ci.md', () => {
  let cwd = '';
  let env: Record<string, string> = {};
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd, encoding: 'utf8' });
  const write = (name: string, text: string) => writeFile(join(cwd, 'profiles', name), text);
  const compare = (...args: string[]) => run('/bin/sh', ['compare-profiles.sh', ...args], { cwd, env });
  const names = ['read', 'write', 'close', 'openat', 'fstat', 'mmap', 'munmap', 'brk', 'exit_group', 'futex'];

  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-compare-'));
    const docs = await readFile(new URL('../../../docs/guides/ci.md', import.meta.url), 'utf8');
    const [, script = ''] = /```sh\n(#!\/bin\/sh\n# compare-profiles\.sh .*?)```/s.exec(docs) ?? [];
    await writeFile(join(cwd, 'compare-profiles.sh'), script);
    await mkdir(join(cwd, 'bin'));
    await writeFile(join(cwd, 'bin', 'fairlead'), `#!/bin/sh\nexec "${process.execPath}" "${launcher}" "$@"\n`);
    await chmod(join(cwd, 'bin', 'fairlead'), 0o755);
    env = { PATH: `${join(cwd, 'bin')}:${process.env['PATH']}` };
    await mkdir(join(cwd, 'profiles', 'sub'), { recursive: true });
    git('init', '--quiet', '--initial-branch=main');
    for (const name of ['same.json', 'looser.json', 'stricter.json', 'deleted.json', 'renamed.json', 'moved.json']) {
      await write(name, allowing(name.slice(0, 3), ...names));
    }
    await write('sub/with space ü.json', allowing('read'));
    await write('resource.yaml', resource('read'));
    await writeFile(join(cwd, 'other.json'), 'not a profile');
    git('add', '.');
    git('commit', '--quiet', '--message', 'base');
    git('tag', 'base');
  });
  after(() => rm(cwd, { recursive: true }));

  it('has nothing to say where nothing changed, and fails where git does', async () => {
    assert.deepEqual(await compare('base', '--fail-on', 'loosened'), { code: 0, stdout: '', stderr: '' });
    const unknown = await compare('no-such-commit', '--fail-on', 'loosened');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /no-such-commit/);
  });

  it('compares all of many profiles, and stops what one of them loosens', async () => {
    await write('stricter.json', allowing(...names));
    await write('new.json', allowing('mount'));
    await write('sub/with space ü.json', allowing('read').replace('ERRNO', 'KILL'));
    await write('resource.yaml', resource('read').replace('name: app', 'name: other'));
    await rm(join(cwd, 'profiles', 'deleted.json'));
    await rename(join(cwd, 'profiles', 'renamed.json'), join(cwd, 'profiles', 'sub', 'renamed.json'));
    await writeFile(join(cwd, 'other.json'), 'not a profile either');
    git('add', '.');
    const fine = await compare('base', '--fail-on', 'loosened');
    assert.deepEqual([fine.code, fine.stderr], [0, '']);
    const sections = new Map(
      fine.stdout
        .split('## `')
        .slice(1)
        .map((text) => text.split('`\n\n') as [string, string]),
    );
    assert.deepEqual([...sections.keys()].sort(), [
      'profiles/deleted.json',
      'profiles/new.json',
      'profiles/resource.yaml',
      'profiles/stricter.json',
      'profiles/sub/renamed.json',
      'profiles/sub/with space ü.json',
    ]);
    assert.match(sections.get('profiles/deleted.json') ?? '', /^Deleted profile of kind Seccomp: stdin\./);
    assert.match(sections.get('profiles/new.json') ?? '', /^New profile of kind Seccomp: profiles\/new\.json\./);
    assert.match(sections.get('profiles/sub/renamed.json') ?? '', /^No difference in meaning\./);
    assert.match(sections.get('profiles/resource.yaml') ?? '', /^No difference in meaning\./);
    assert.match(sections.get('profiles/stricter.json') ?? '', /^Tightened:/);
    assert.match(sections.get('profiles/sub/with space ü.json') ?? '', /^Tightened:/);

    await rename(join(cwd, 'profiles', 'moved.json'), join(cwd, 'profiles', 'zz.json'));
    await write('zz.json', allowing('mov', ...names, 'ptrace'));
    await write('looser.json', allowing('loo', ...names, 'mount'));
    git('add', '.');
    const loosened = await compare('base', '--fail-on', 'loosened');
    assert.equal(loosened.code, 1);
    assert.match(loosened.stderr, /^failed: profiles\/looser\.json permits what stdin does not: mount$/m);
    assert.match(loosened.stderr, /^failed: profiles\/zz\.json permits what stdin does not: ptrace$/m);
    assert.match(loosened.stdout, /## `profiles\/zz\.json`\n\nLoosened:/);
    const markdown = await compare('base', '--output', 'markdown');
    assert.equal(markdown.code, 0);
    assert.match(markdown.stdout, /## `profiles\/looser\.json`\n\n### Loosened\n/);
    assert.match(markdown.stdout, /## `profiles\/new\.json`\n\n### New\n/);
  });

  it('stops what is not a valid profile, and what only one container would get', async () => {
    for (const text of ['', '{', allowing('read').replace('"names"', '"includes": {"caps": ["CAP_BPF"]}, "names"')]) {
      await write('same.json', text);
      assert.equal((await compare('base', '--fail-on', 'loosened')).code, 1, text);
    }
  });
});
