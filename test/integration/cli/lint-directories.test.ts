import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failed, runFairlead, succeeded } from '#test/support/cli/run';

const unknown = JSON.stringify({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: ['mownt'], action: 'SCMP_ACT_ALLOW' }],
});

describe('fairlead lint of directories', () => {
  let cwd = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-lint-'));
    await mkdir(join(cwd, 'profiles', 'sub'), { recursive: true });
    await mkdir(join(cwd, 'profiles', '.hidden'));
    for (const name of ['a.json', 'sub/b.json']) await writeFile(join(cwd, 'profiles', name), unknown);
    await writeFile(join(cwd, 'profiles', '.hidden', 'c.json'), unknown);
    await writeFile(join(cwd, 'profiles', 'package.json'), '{"name": "x"}');
    await writeFile(join(cwd, 'profiles', 'README.md'), 'mownt');
  });
  after(() => rm(cwd, { recursive: true }));

  it('checks the profiles below it, and nothing that is not one', async () => {
    const { profiles } = JSON.parse(succeeded(await runFairlead(['lint', 'profiles', '--output', 'json'], { cwd })));
    const files = profiles.map(({ file }: { file: string }) => file);
    assert.deepEqual(files, ['profiles/a.json', 'profiles/sub/b.json']);
    failed(await runFairlead(['lint', 'profiles', '--fail-on', 'warning'], { cwd }), 1, /findings of severity warning/);
  });

  it('refuses a directory without profiles', async () => {
    await mkdir(join(cwd, 'empty'));
    failed(await runFairlead(['lint', 'empty'], { cwd }), 2, /^error: no profiles in empty$/m);
  });

  it('adds the findings to the summary of a step of GitHub', async () => {
    const env = { GITHUB_STEP_SUMMARY: join(cwd, 'summary'), GITHUB_OUTPUT: join(cwd, 'output') };
    const text = succeeded(await runFairlead(['lint', 'profiles', '--output', 'github'], { cwd, env }));
    assert.match(text, /^::warning file=profiles\/a\.json,line=1,/m);
    assert.match(
      await readFile(env.GITHUB_STEP_SUMMARY, 'utf8'),
      /^\*\*0 errors, [0-9]+ warnings, 0 remarks in 2 profiles\*\*/,
    );
  });

  it('reports what it cannot read, and checks the others', async () => {
    await writeFile(join(cwd, 'profiles', 'broken.json'), '{');
    await symlink('/etc/hostname', join(cwd, 'profiles', 'link.json'));
    const found = await runFairlead(['lint', 'profiles'], { cwd });
    failed(found, 2, /^failed: profiles\/link\.json is a link to a file outside of the directory\nhint: /m);
    assert.match(found.stderr, /^failed: profiles\/broken\.json:1:2: not valid JSON/m);
    assert.match(
      found.stderr,
      /\nerror: 2 of 4 files could not be read\nhint: Each is named above, with the reason\.\n$/,
    );
    assert.match(found.stdout, /^profiles\/sub\/b\.json: Seccomp, /m);
    // One alone is the error.
    failed(await runFairlead(['lint', 'profiles/broken.json'], { cwd }), 3, /^error: profiles\/broken\.json:1:2: /);
  });

  it('lists in JSON what it cannot read, and prints one error', async () => {
    for (const paths of [['profiles'], ['profiles/broken.json', 'profiles/a.json'], ['profiles/broken.json']]) {
      const { code, stdout, stderr } = await runFairlead(['lint', ...paths, '--output', 'json'], { cwd });
      const { failed: isFailed, profiles, unread } = JSON.parse(stdout);
      const isWhole = paths[0] === 'profiles';
      assert.deepEqual([isFailed, code, profiles.length], [true, isWhole ? 2 : 3, isWhole ? 2 : paths.length - 1]);
      assert.deepEqual(
        unread.map(({ file, error }: { file: string; error: { kind: string } }) => [file, error.kind]),
        [...(isWhole ? [['profiles/link.json', 'InvalidInput']] : []), ['profiles/broken.json', 'ProfileInvalid']],
      );
      // All of stderr is one document.
      assert.match(JSON.parse(stderr).error.message, isWhole ? /^2 of 4 files could not be read$/ : /broken\.json:1:2/);
    }
  });
});
