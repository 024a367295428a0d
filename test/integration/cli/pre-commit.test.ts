import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, it } from 'node:test';
import { findPeer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { launcher, run, succeeded } from '#test/support/cli/run';

const hooks = new URL('../../../.pre-commit-hooks.yaml', import.meta.url);
const profile = (name: string) =>
  JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [{ names: [name], action: 'SCMP_ACT_ERRNO' }],
  });

describePeers(['pre-commit'], 'the hook of pre-commit', () => {
  let root = '';
  const project = () => join(root, 'project');
  const env = () => ({
    PATH: `${join(root, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    HOME: root,
    GIT_CONFIG_GLOBAL: join(root, 'gitconfig'),
  });
  const git = async (directory: string, ...args: readonly string[]) =>
    succeeded(await run('git', args, { cwd: directory, env: env() })).trim();
  const hook = async (...files: readonly string[]) => {
    await git(project(), 'add', '.');
    return run(findPeer('pre-commit') ?? '', ['run', '--files', ...files], { cwd: project(), env: env() });
  };

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'fairlead-pre-commit-'));
    for (const directory of ['bin', 'hooks', 'project/profiles'])
      await mkdir(join(root, directory), { recursive: true });
    await writeFile(join(root, 'gitconfig'), '[user]\nname = a\nemail = a@example.com\n[init]\ndefaultBranch = main\n');
    await writeFile(join(root, 'bin/fairlead'), `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`, {
      mode: 0o755,
    });
    await copyFile(hooks, join(root, 'hooks/.pre-commit-hooks.yaml'));
    await git(join(root, 'hooks'), 'init', '--quiet');
    await git(join(root, 'hooks'), 'add', '.');
    await git(join(root, 'hooks'), 'commit', '--quiet', '--message', 'hooks');
    await git(project(), 'init', '--quiet');
    const rev = await git(join(root, 'hooks'), 'rev-parse', 'HEAD');
    const config = { repos: [{ repo: join(root, 'hooks'), rev, hooks: [{ id: 'fairlead-lint' }] }] };
    await writeFile(join(project(), '.pre-commit-config.yaml'), JSON.stringify(config));
  });
  after(() => rm(root, { recursive: true }));

  it('passes profiles without warnings, and fails for others, with their lines', async () => {
    await writeFile(join(project(), 'profiles/good.json'), profile('mount'));
    await writeFile(join(project(), 'profiles/bad.json'), profile('mont'));
    await writeFile(join(project(), 'package.json'), '{"name": "not a profile"}');
    const good = await hook('profiles/good.json', 'package.json');
    assert.equal(good.code, 0, good.stdout);
    assert.match(good.stdout, /^lint security profiles\.+Passed$/m);
    const bad = await hook('profiles/good.json', 'profiles/bad.json');
    assert.equal(bad.code, 1, bad.stdout);
    assert.match(bad.stdout, /^lint security profiles\.+Failed$/m);
    assert.match(bad.stdout, /^profiles\/bad\.json:1:[0-9]+: warning: "mont" is not a syscall/m);
    const none = await hook('package.json');
    assert.match(none.stdout, /\(no files to check\)Skipped/);
  });
});
