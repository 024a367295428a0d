import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { failed, type RunOptions, runFairlead, succeeded } from '#test/support/cli/run';

const allowing = (...names: string[]) =>
  `${JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] }, undefined, 2)}\n`;
const resource = (...names: string[]) => `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata: {name: app}
spec: {defaultAction: SCMP_ACT_ERRNO, syscalls: [{names: [${names.join(', ')}], action: SCMP_ACT_ALLOW}]}
`;
const names = ['read', 'write', 'close', 'openat', 'fstat', 'mmap', 'munmap', 'brk', 'exit_group', 'futex'];

describe('fairlead diff of many profiles', () => {
  let cwd = '';
  let repository = '';
  let temporary = '';
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: repository,
      encoding: 'utf8',
    });
  const write = (name: string, text: string) => writeFile(join(repository, 'profiles', name), text);
  const diff = (args: readonly string[], options: RunOptions = {}) =>
    runFairlead(['diff', ...args], { cwd: repository, env: { TMPDIR: temporary }, ...options });

  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-compare-'));
  });
  after(() => rm(cwd, { recursive: true }));
  beforeEach(async () => {
    repository = join(cwd, `repository-${(await readdir(cwd)).length}`);
    temporary = join(repository, '.git', 'temporary');
    await mkdir(join(repository, 'profiles', 'sub'), { recursive: true });
    git('init', '--quiet', '--initial-branch=main');
    await mkdir(temporary);
    for (const name of ['same.json', 'looser.json', 'stricter.json', 'deleted.json', 'renamed.json', 'moved.json']) {
      await write(name, allowing(name.slice(0, 3), ...names));
    }
    await write('sub/with space ü\n"::error::.json', allowing('read'));
    await write('-o.json', allowing('read'));
    await write('resource.yaml', resource('read'));
    await writeFile(join(repository, 'other.json'), 'not a profile');
    // What would leave files out of an archive, and convert them.
    await writeFile(join(repository, '.gitattributes'), 'profiles/looser.json export-ignore\n*.json ident\n');
    git('add', '.');
    git('commit', '--quiet', '--message', 'base');
    git('tag', 'base');
  });

  it('compares the work tree with a commit, and leaves nothing behind', async () => {
    assert.equal(succeeded(await diff(['--base', 'base', 'profiles', '--fail-on', 'loosened'])), '9 unchanged\n');
    const index = git('ls-files', '--stage');
    await write('stricter.json', allowing(...names));
    await write('new.json', allowing('mount'));
    await write('sub/with space ü\n"::error::.json', allowing('read').replace('ERRNO', 'KILL'));
    await write('resource.yaml', resource('read').replace('name: app', 'name: other'));
    await rm(join(repository, 'profiles', 'deleted.json'));
    await rename(join(repository, 'profiles', 'renamed.json'), join(repository, 'profiles', 'sub', 'other.json'));
    const fine = succeeded(await diff(['--base', 'base', 'profiles', '--fail-on', 'loosened', '--output', 'json']));
    const { profiles, loosened, summary } = JSON.parse(fine);
    assert.deepEqual(
      profiles.map(({ change, from, to }: Record<string, unknown>) => [change, from, to]),
      [
        ['deleted', 'profiles/deleted.json', null],
        ['new', null, 'profiles/new.json'],
        ['changed', 'profiles/resource.yaml', 'profiles/resource.yaml'],
        ['changed', 'profiles/stricter.json', 'profiles/stricter.json'],
        ['renamed', 'profiles/renamed.json', 'profiles/sub/other.json'],
        ['changed', 'profiles/sub/with space ü\n"::error::.json', 'profiles/sub/with space ü\n"::error::.json'],
      ],
    );
    assert.equal(loosened, false);
    assert.deepEqual(summary, { tightened: 2, rewritten: 1, renamed: 1, new: 1, deleted: 1, unchanged: 4 });
    assert.equal(git('ls-files', '--stage'), index);
    assert.deepEqual(await readdir(temporary), []);
  });

  it('stops what loosens one of many profiles, in Markdown too', async () => {
    await rename(join(repository, 'profiles', 'moved.json'), join(repository, 'profiles', 'sub', 'moved.json'));
    await write('sub/moved.json', allowing('mov', ...names, 'ptrace'));
    await write('looser.json', allowing('loo', ...names, 'mount'));
    const found = await diff(['--base', 'HEAD', 'profiles', '--fail-on', 'loosened']);
    failed(
      found,
      1,
      /^failed: 2 profiles permit more than before: looser\.json \(mount\), sub\/moved\.json \(ptrace\)$/m,
    );
    assert.match(found.stdout, /^looser\.json: loosened\n {2}Loosened:\n/m);
    const markdown = succeeded(await diff(['--base', 'HEAD', 'profiles', '--output', 'markdown']));
    assert.match(markdown, /^\*\*2 loosened, 7 unchanged\*\*\n\n## `looser\.json`: loosened\n\n### Loosened\n/);
  });

  it('compares from a subdirectory, one file, and a directory that the commit does not have', async () => {
    await write('looser.json', allowing('loo', ...names, 'mount'));
    const inside = { cwd: join(repository, 'profiles'), env: { TMPDIR: temporary } };
    failed(await diff(['--base', 'base', '--fail-on', 'loosened'], inside), 1, /looser\.json \(mount\)/);
    failed(await diff(['--base', 'base', 'looser.json', '--fail-on', 'loosened'], inside), 1, /looser\.json \(mount\)/);
    assert.equal(succeeded(await diff(['--base', 'base', 'same.json'], inside)), '1 unchanged\n');
    assert.equal(succeeded(await diff(['--base=base', '--', '-o.json'], inside)), '1 unchanged\n');
    await rm(join(repository, 'profiles', 'same.json'));
    assert.match(succeeded(await diff(['--base', 'base', 'profiles/same.json'])), /^same\.json: deleted\n/);
    failed(await diff(['--base', 'base', 'profiles/none.json']), 2, /neither here nor in the commit/);
    await mkdir(join(repository, 'more'));
    await writeFile(join(repository, 'more', 'a.json'), allowing('read'));
    assert.match(succeeded(await diff(['--base', 'base', 'more'])), /^a\.json: new\n/);
  });

  it('compares in a hook of git, which has an index of its own', async () => {
    await write('looser.json', allowing('loo', ...names, 'mount'));
    const hook = { GIT_DIR: '.git', GIT_INDEX_FILE: '.git/index', GIT_PREFIX: '', TMPDIR: temporary };
    const index = git('ls-files', '--stage');
    failed(
      await diff(['--base', 'HEAD', 'profiles', '--fail-on', 'loosened'], { env: hook }),
      1,
      /looser\.json \(mount\)/,
    );
    assert.equal(git('ls-files', '--stage'), index);
  });

  it('compares two directories without git', async () => {
    const [from, to] = [join(cwd, 'from'), join(cwd, 'to')];
    for (const directory of [from, to]) await mkdir(join(directory, '.hidden'), { recursive: true });
    await writeFile(join(from, 'a.json'), allowing('read'));
    await writeFile(join(to, 'a.json'), allowing('read', 'mount'));
    await writeFile(join(to, '.hidden', 'b.json'), '{');
    await writeFile(join(to, 'README.md'), '#');
    failed(await diff([from, to, '--fail-on', 'loosened'], { cwd }), 1, /a\.json \(mount\)/);
    await rm(from, { recursive: true });
    await rm(to, { recursive: true });
  });

  it('reports every invalid profile, and compares the others', async () => {
    await write('same.json', '{');
    await write('looser.json', allowing('loo', ...names, 'mount'));
    await write('moved.json', allowing('read').replace('"names"', '"includes": {"caps": ["CAP_BPF"]}, "names"'));
    const found = await diff(['--base', 'base', 'profiles', '--fail-on', 'loosened']);
    failed(found, 2, /^failed: profiles\/moved\.json is in the form of Docker and Podman/m);
    assert.match(found.stderr, /^failed: profiles\/same\.json:1:2: /m);
    assert.match(found.stderr, /^error: 2 of 9 files could not be read\nhint: Each is named above/m);
    assert.match(found.stdout, /^2 invalid, 1 loosened, 6 unchanged$/m);
    // With JSON, all of stderr is one document.
    const json = await diff(['--base', 'base', 'profiles', '--output', 'json']);
    assert.equal(JSON.parse(json.stderr).error.message, '2 of 9 files could not be read');
    const { profiles } = JSON.parse(json.stdout);
    assert.equal(profiles.filter(({ error }: { error?: object }) => error !== undefined).length, 2);
  });

  it('reads no file outside of the directory', async () => {
    await writeFile(join(repository, 'outside.json'), allowing('read'));
    await rm(join(repository, 'profiles', 'same.json'));
    await symlink('../outside.json', join(repository, 'profiles', 'same.json'));
    await symlink('looser.json', join(repository, 'profiles', 'inside.json'));
    const found = await diff(['--base', 'base', 'profiles']);
    failed(found, 2, /profiles\/same\.json is a link to a file outside of the directory/);
    assert.match(found.stdout, /^inside\.json: new$/m);
  });

  it('refuses what cannot be compared, with the next step', async () => {
    failed(
      await diff(['--base', 'no-such-commit', 'profiles']),
      2,
      /^error: no commit "no-such-commit" in this repository\nhint: .*fetch-depth/,
    );
    failed(await diff(['--base', '--help', 'profiles']), 2, /no commit "--help"/);
    failed(await diff(['--base', 'base'], { cwd: '/', env: { TMPDIR: temporary } }), 2, /not in a git repository/);
    failed(await diff(['--base', 'base', 'profiles'], { env: { PATH: '/nonexistent' } }), 2, /cannot run git/);
    failed(await diff(['--base', 'base', 'profiles', 'other']), 2, /--base takes one file or directory/);
    failed(await diff(['--base', 'base', '--new', 'profiles']), 2, /--new and --base cannot be used together/);
    failed(await diff(['profiles']), 2, /only one directory to compare/);
    failed(await diff(['profiles', 'other.json']), 2, /other\.json is not a directory, and profiles is/);
    failed(await diff([]), 2, /no profile to compare/);
  });
});
