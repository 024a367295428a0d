import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GitRepository } from '#test/support/ci/git-repository';
import { readWorkflow, runWorkflow } from '#test/support/ci/github-runner';
import { profileText } from '#test/support/ci/profiles-project';
import { packPackage, root } from '#test/support/cli/package';
import { type Finished, run, succeeded } from '#test/support/cli/run';

describe('the release publishes the action', () => {
  let folder = '';
  let source: GitRepository;
  let tarball = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-release-action-'));
    tarball = await packPackage(folder);
    source = new GitRepository(join(folder, 'source'));
    for (const path of ['action.yml', '.github', 'cli/main.ts', 'package.json']) {
      await mkdir(dirname(join(source.directory, path)), { recursive: true });
      await cp(join(root, path), join(source.directory, path), { recursive: true });
    }
    source.commit('release');
    // What is pushed to.
    execFileSync('git', ['init', '--quiet', '--bare', join(folder, 'acme', 'fairlead')]);
  });
  after(() => rm(folder, { recursive: true }));

  let runs = 0;
  /** Runs the step of the release workflow for a version. */
  async function publish(version: string): Promise<Finished> {
    runs += 1;
    const { jobs } = await readWorkflow(join(root, '.github/workflows/release.yml'));
    const step = jobs['publish']?.steps.find(({ name }) => name === 'Publish the action');
    await mkdir(join(source.directory, 'release'), { recursive: true });
    await cp(tarball, join(source.directory, 'release', `fairlead-${version}.tgz`));
    const temp = join(folder, `temp-${runs}`);
    await mkdir(temp);
    const env = {
      RUNNER_TEMP: temp,
      VERSION: version,
      GITHUB_TOKEN: 'token',
      GITHUB_SERVER_URL: `file://${folder}`,
      GITHUB_REPOSITORY: 'acme/fairlead',
      GIT_CONFIG_NOSYSTEM: '1',
    };
    return run('bash', ['-e', '-c', step?.run ?? 'false'], { cwd: source.directory, env });
  }

  const remote = (...args: string[]): string =>
    execFileSync('git', args, { cwd: join(folder, 'acme', 'fairlead'), encoding: 'utf8' }).trim();

  it('as a commit on that of the release, the same each time, and none for a pre-release', async () => {
    succeeded(await publish('0.9.0-rc.1'));
    assert.equal(remote('tag'), '');
    succeeded(await publish('0.9.0'));
    const first = remote('rev-parse', 'v0');
    succeeded(await publish('0.9.0'));
    assert.deepEqual([remote('tag'), remote('rev-parse', 'v0')], ['v0', first]);
    assert.equal(remote('rev-parse', 'v0^1'), source.git('rev-parse', 'HEAD'));
    assert.equal(source.git('status', '--porcelain', '--untracked-files=no'), '');
    const files = remote('ls-tree', '-r', '--name-only', 'v0').split('\n');
    for (const name of ['action.yml', 'bin/fairlead.js', 'dist/cli/main.js', 'deploy/ci/github-action.sh'])
      assert.ok(files.includes(name), name);
    // A push with the token of a job must not change workflows.
    assert.equal(remote('diff', '--name-only', 'v0^1', 'v0', '--', '.github'), '');
    assert.ok(!files.includes('cli/main.ts'));
  });

  it('with the built program, so that a job needs only Node.js', async () => {
    const profiles = new GitRepository(join(folder, 'profiles'));
    profiles.write({
      'fairlead.yaml': 'repository: ghcr.io/acme/profiles\ntag: stable\nprofiles: [{directory: profiles}]\n',
      'profiles/nginx.json': profileText(),
    });
    profiles.commit('base');
    const base = profiles.git('rev-parse', 'HEAD');
    profiles.branch('loosens', { 'profiles/nginx.json': profileText('mount') });
    const sha = profiles.merge('loosens', { trial: true });
    const jobs = await runWorkflow(
      join(root, '.github/workflows/profiles.yml'),
      {},
      {
        directory: join(folder, 'run'),
        repositories: { 'acme/profiles': profiles.directory, 'acme/fairlead': join(folder, 'acme', 'fairlead') },
        workflow: { repository: 'acme/fairlead', sha: 'v0' },
        github: {
          repository: 'acme/profiles',
          sha,
          ref: 'refs/pull/1/merge',
          event_name: 'pull_request',
          event: { pull_request: { base: { sha: base }, labels: [] }, repository: { default_branch: 'main' } },
        },
        env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
      },
    );
    const step = jobs['review']?.steps.at(-1);
    assert.equal(jobs['review']?.result, 'failure');
    assert.match(step?.stderr ?? '', /^failed: a profile permits more than before: nginx \(mount\)$/m);
    assert.match(step?.summary ?? '', /^\*\*1 loosened, 0 unchanged\*\*/);
  });
});
