import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { installedFairlead } from '#test/support/ci/action-repository';
import { GitRepository } from '#test/support/ci/git-repository';
import { type GitlabJob, isInPipeline, readComponent, runGitlabJob } from '#test/support/ci/gitlab-runner';
import { profileText } from '#test/support/ci/profiles-project';
import { root } from '#test/support/cli/package';
import { type Finished, runFairlead, succeeded } from '#test/support/cli/run';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';

const component = join(root, 'templates/profiles.yml');
const user = { username: 'gitlab-ci-token', password: 'p$(exit 1) word' };

describe('the component of GitLab', () => {
  let folder = '';
  let repository: GitRepository;
  let review: GitlabJob;
  let work = '';
  let runs = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-gitlab-'));
    const jobs = await readComponent(component, { image: 'example' });
    review = jobs['fairlead-review'] ?? assert.fail();
    repository = new GitRepository(join(folder, 'profiles'));
    repository.write({
      'fairlead.yaml': 'repository: registry.example.com/acme\ntag: stable\nprofiles: [{directory: profiles}]\n',
      'profiles/nginx.json': profileText(),
      'profiles/redis.json': profileText(),
    });
    repository.commit('base');
    installedFairlead(join(folder, 'bin'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Runs the review of a branch, in a clone that has only its newest commit. */
  async function run(
    branch: string,
    variables: Record<string, string> = {},
    shell = 'bash',
    job = review,
  ): Promise<Finished> {
    runs += 1;
    work = join(folder, `work-${runs}`);
    await mkdir(work);
    const clone = new GitRepository(work);
    clone.git('remote', 'add', 'origin', `file://${repository.directory}`);
    clone.git('fetch', '--quiet', '--depth=1', 'origin', branch);
    clone.git('checkout', '--quiet', '--detach', 'FETCH_HEAD');
    return runGitlabJob(job, {
      shell,
      cwd: work,
      variables: {
        PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
        CI_MERGE_REQUEST_DIFF_BASE_SHA: repository.git('merge-base', 'main', branch),
        CI_MERGE_REQUEST_LABELS: '',
        ...variables,
      },
    });
  }

  const artifact = async (name: string) => readFile(join(work, name), 'utf8');

  it('has jobs for merge requests and for the default branch', async () => {
    const jobs = await readComponent(component, { image: 'example', 'job-prefix': 'profiles' });
    assert.deepEqual(Object.keys(jobs), ['profiles-review', 'profiles-publish']);
    const { 'profiles-review': reviewing, 'profiles-publish': publishing } = jobs;
    assert.ok(reviewing && publishing);
    assert.equal(reviewing.id_tokens, undefined);
    assert.deepEqual(publishing.id_tokens, { SIGSTORE_ID_TOKEN: { aud: 'sigstore' } });
    const branch = { CI_DEFAULT_BRANCH: 'main', CI_COMMIT_BRANCH: 'main', CI_PIPELINE_SOURCE: 'push' };
    const request = { CI_DEFAULT_BRANCH: 'main', CI_PIPELINE_SOURCE: 'merge_request_event' };
    assert.deepEqual([isInPipeline(reviewing, request), isInPipeline(publishing, request)], [true, false]);
    assert.deepEqual([isInPipeline(reviewing, branch), isInPipeline(publishing, branch)], [false, true]);
    const other = { ...branch, CI_COMMIT_BRANCH: 'feature' };
    assert.deepEqual([isInPipeline(reviewing, other), isInPipeline(publishing, other)], [false, false]);
    await assert.rejects(readComponent(component, {}), /the input image is required/);
    await assert.rejects(readComponent(component, { image: 'x', 'lint-fail-on': 'never' }), /lint-fail-on is never/);
    // Inputs reach the scripts only as variables.
    for (const { script } of Object.values(jobs)) assert.doesNotMatch(script.join('\n'), /profiles-|fairlead\.yaml/);
  });

  for (const shell of ['bash', 'sh']) {
    it(`stops a merge request that loosens a profile, with reports: ${shell}`, async () => {
      const branch = `loosens-${shell}`;
      repository.branch(branch, {
        'profiles/nginx.json': profileText('mount'),
        'profiles/new.json': profileText('getpid'),
        'profiles/redis.json': undefined,
      });
      const stopped = await run(branch, {}, shell);
      assert.equal(stopped.code, 1, stopped.stderr);
      assert.match(stopped.stderr, /^failed: a profile permits more than before: nginx \(mount\)$/m);
      assert.match(stopped.stdout, /^1 loosened, 1 new, 1 deleted, 0 unchanged$/m);
      const issues = JSON.parse(await artifact('fairlead-diff.gitlab'));
      const [loosened] = issues.filter(({ check_name: name }: { check_name: string }) => name.endsWith('-loosened'));
      assert.equal(loosened.location.path, 'profiles/nginx.json');
      assert.match(await artifact('fairlead-diff.junit'), /<testsuites(.|\n)*nginx/);
      assert.equal(JSON.parse(await artifact('fairlead-diff.sarif')).version, '2.1.0');
      assert.match(await artifact('fairlead-diff.md'), /^## `nginx`: loosened$/m);
      for (const name of review.artifacts?.paths ?? []) await artifact(name);
      for (const name of Object.values(review.artifacts?.reports ?? {}).flat()) await artifact(name);
      const approved = await run(branch, { CI_MERGE_REQUEST_LABELS: 'docs,loosens' }, shell);
      assert.equal(approved.code, 0, approved.stderr);
      assert.equal((await run(branch, { CI_MERGE_REQUEST_LABELS: 'loosens-not' }, shell)).code, 1);
    });
  }

  it('stops what loosens a profile if no label is named', async () => {
    repository.branch('loosens-unnamed', { 'profiles/nginx.json': profileText('mount') });
    const jobs = await readComponent(component, { image: 'example', label: '' });
    for (const labels of ['', 'docs']) {
      const stopped = await run('loosens-unnamed', { CI_MERGE_REQUEST_LABELS: labels }, 'sh', jobs['fairlead-review']);
      assert.equal(stopped.code, 1, stopped.stderr);
    }
  });

  it('stops invalid profiles, and a base that cannot be fetched', async () => {
    repository.branch('invalid', { 'profiles/nginx.json': '{' });
    const invalid = await run('invalid');
    assert.equal(invalid.code, 3);
    assert.match(invalid.stderr, /profiles\/nginx\.json:1:2: not valid JSON/);
    const issues = JSON.parse(await artifact('fairlead-lint.gitlab'));
    assert.ok(issues.some(({ check_name: name }: { check_name: string }) => name === 'fairlead-lint-invalid-profile'));
    const unknown = await run('main', { CI_MERGE_REQUEST_DIFF_BASE_SHA: 'f'.repeat(40) });
    assert.notEqual(unknown.code, 0);
  });

  it('compares with the target in a pipeline of the merged result', async () => {
    repository.branch('behind', { 'README.md': 'x' });
    repository.branch('forward', { 'profiles/nginx.json': profileText('getpid') });
    repository.merge('forward', { trial: false });
    const target = repository.git('rev-parse', 'main');
    repository.merge('behind', { trial: true });
    const merged = await run('refs/pull/behind/merge', { CI_MERGE_REQUEST_TARGET_BRANCH_SHA: target });
    assert.equal(merged.code, 0, merged.stderr);
    assert.match(merged.stdout, /^2 unchanged$/m);
  });
});

describePeers(['docker-registry'], 'the component of GitLab publishes', () => {
  let folder = '';
  let registry: Registry;
  let sigstore: PrivateSigstore;
  let services: SigstoreServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-gitlab-publish-'));
    registry = await startRegistry({ user });
    sigstore = await privateSigstore();
    services = await serveSigstore(sigstore, { subjectClaim: 'sub' });
  });
  after(async () => {
    await Promise.all([registry.stop(), services.stop()]);
    await rm(folder, { recursive: true });
  });

  it('with the identity of the job, and changes nothing the second time', async () => {
    const { 'fairlead-publish': job } = await readComponent(component, { image: 'example', keyless: false });
    assert.ok(job);
    const identity = 'https://gitlab.com/acme/profiles//.gitlab-ci.yml@refs/heads/main';
    await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
    await writeFile(join(folder, 'signing.json'), JSON.stringify(services.signingConfig));
    const signer = '{keyless: true, signingConfig: signing.json, trustedRoot: root.json}';
    const text = `repository: ${registry.host}/acme\ntag: stable\nsigner: ${signer}\nprofiles: [{file: nginx.json}]\n`;
    await writeFile(join(folder, 'fairlead.yaml'), text);
    await writeFile(join(folder, 'nginx.json'), profileText());
    const variables = {
      PATH: `${dirname(installedFairlead(join(folder, 'bin')))}:${process.env['PATH']}`,
      CI_REGISTRY: registry.host,
      CI_REGISTRY_USER: user.username,
      CI_REGISTRY_PASSWORD: user.password,
      SIGSTORE_ID_TOKEN: identityToken('https://gitlab.com', identity, { email: undefined, email_verified: undefined }),
      CI_PROJECT_URL: 'https://gitlab.com/acme/profiles',
      CI_JOB_NAME: 'fairlead-publish',
      CI_JOB_ID: '1',
      CI_JOB_URL: 'https://gitlab.com/acme/profiles/-/jobs/1',
      CI_PIPELINE_ID: '2',
      CI_RUNNER_ID: '3',
      CI_COMMIT_SHA: 'a'.repeat(40),
      CI_COMMIT_REF_NAME: 'main',
    };
    for (const [shell, status] of [
      ['sh', 'published'],
      ['bash', 'unchanged'],
    ] as const) {
      const finished = await runGitlabJob(job, { shell, cwd: folder, variables });
      const [profile] = JSON.parse(succeeded(finished)).profiles;
      assert.deepEqual([profile.name, profile.status], ['nginx', status]);
      const [kept] = JSON.parse(await readFile(join(folder, 'fairlead-push.json'), 'utf8')).profiles;
      assert.equal(kept.digest, profile.digest);
      assert.match(profile.provenance, /^sha256:/);
      const keyless = ['--certificate-identity', identity, '--certificate-oidc-issuer', 'https://gitlab.com'];
      const login = ['--username', user.username, '--password-stdin', '--trusted-root', 'root.json'];
      const options = { cwd: folder, input: user.password };
      succeeded(await runFairlead(['verify', profile.reference, ...keyless, ...login], options));
    }
    const wrong = {
      ...variables,
      FAIRLEAD_REGISTRY: registry.host,
      FAIRLEAD_REGISTRY_USER: 'ci',
      FAIRLEAD_REGISTRY_PASSWORD: 'wrong',
    };
    const refused = await runGitlabJob(job, { shell: 'sh', cwd: folder, variables: wrong });
    assert.equal(refused.code, 6, refused.stderr);
    const inputs = { image: 'example', keyless: false, provenance: false };
    const { 'fairlead-publish': without } = await readComponent(component, inputs);
    assert.ok(without);
    await writeFile(join(folder, 'fairlead.yaml'), text.replace(signer, '{unsigned: true}').replace('/acme', '/plain'));
    for (const shell of ['sh', 'bash']) {
      const finished = await runGitlabJob(without, { shell, cwd: folder, variables });
      const [plain] = JSON.parse(succeeded(finished)).profiles;
      assert.deepEqual([plain.signature, plain.provenance], [null, null]);
    }
  });
});
