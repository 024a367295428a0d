import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { actionRepository, installedFairlead } from '#test/support/ci/action-repository';
import { isMet } from '#test/support/ci/expressions';
import { GitRepository } from '#test/support/ci/git-repository';
import { readAction, readWorkflow, runWorkflow, type Step } from '#test/support/ci/github-runner';
import { assertValid } from '#test/support/ci/github-schema';
import { readComponent } from '#test/support/ci/gitlab-runner';
import { profileText } from '#test/support/ci/profiles-project';
import { root } from '#test/support/cli/package';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { privateSigstore } from '#test/support/sigstore/private-sigstore';

describe('the examples of docs/guides/ci.md', () => {
  let folder = '';
  let examples: readonly string[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-ci-guide-'));
    const guide = await readFile(join(root, 'docs/guides/ci.md'), 'utf8');
    examples = Array.from(guide.matchAll(/^( *)```yaml\n(.*?)^ *```$/gms), ([, indent = '', text = '']) =>
      text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    );
  });
  after(() => rm(folder, { recursive: true }));

  const example = (word: RegExp): string => {
    const [found, ...others] = examples.filter((text) => word.test(text));
    assert.deepEqual([found === undefined, others], [false, []], String(word));
    return found ?? '';
  };

  it('describe a project that fairlead reads', async () => {
    await writeFile(join(folder, 'fairlead.yaml'), example(/^profiles:$/m));
    await mkdir(join(folder, 'profiles'));
    await writeFile(join(folder, 'profiles', 'nginx.json'), profileText());
    assert.match(succeeded(await runFairlead(['lint'], { cwd: folder })), /^profiles\/nginx\.json: Seccomp, /m);
  });

  it('call the workflow with the permissions that its jobs need', async () => {
    const text = example(/\.github\/workflows\/profiles\.yml@v0\n/);
    assertValid('workflow', 'example', text);
    const { jobs } = parse(text);
    const called = await readWorkflow(join(root, '.github/workflows/profiles.yml'));
    const needed = Object.values(called.jobs).map(({ permissions }) => permissions);
    assert.deepEqual(jobs.profiles.permissions, Object.assign({}, ...needed));
    assert.equal(jobs.profiles.uses, 'OWNER/fairlead/.github/workflows/profiles.yml@v0');
  });

  it('use inputs and outputs that the action has', async () => {
    const { inputs = {}, outputs = {} } = await readAction(root);
    const text = example(/OWNER\/fairlead@v0/);
    assertValid('workflow', 'example', text);
    const steps = Object.values(parse(text).jobs).flatMap((job) => (job as { steps: Step[] }).steps);
    for (const { with: given } of steps.filter(({ uses = '' }) => uses.startsWith('OWNER'))) {
      for (const name of Object.keys(given ?? {})) assert.ok(Object.hasOwn(inputs, name), name);
    }
    const guide = await readFile(join(root, 'docs/guides/ci.md'), 'utf8');
    for (const name of Object.keys(outputs)) assert.ok(guide.includes(`\`${name}\``), name);
  });

  it('review pull requests with the action, and publish pushes, each with the permissions for it', async () => {
    const text = example(/OWNER\/fairlead@v0/);
    const action = actionRepository(join(folder, 'fairlead'));
    const checkouts = (source: string) => new Set(source.match(/actions\/checkout@.*/g));
    assert.deepEqual(
      checkouts(text),
      checkouts(await readFile(join(root, '.github/workflows/profiles.yml'), 'utf8')),
      'the guide pins another commit than the workflow',
    );
    const repository = new GitRepository(join(folder, 'repository'));
    repository.write({ 'profiles/nginx.json': profileText('getpid') });
    const base = repository.commit('base');
    repository.branch('loosens', { 'profiles/nginx.json': profileText('getpid', 'mount') });
    // The runner knows actions of this machine only, which are checked out.
    const workflow = parse(text.replaceAll('OWNER/fairlead@v0', './action'));
    for (const { steps } of Object.values<{ steps: Step[] }>(workflow.jobs)) {
      const given = { repository: 'acme/fairlead', ref: action.commit, path: 'action' };
      steps.splice(1, 0, { ...steps[0], with: given });
    }
    const file = join(folder, 'workflow.yml');
    await writeFile(file, stringify(workflow));
    const start = (directory: string, program: string, github: { sha: string; event_name: string; event: object }) =>
      runWorkflow(
        file,
        {},
        {
          directory: join(folder, directory),
          repositories: { 'acme/profiles': repository.directory, 'acme/fairlead': action.directory },
          workflow: { repository: 'acme/profiles', sha: github.sha },
          github: { repository: 'acme/profiles', ref: 'refs/heads/main', token: 'of the job', ...github },
          env: { PATH: `${dirname(program)}:${process.env['PATH']}` },
        },
      );
    const event = { pull_request: { base: { sha: base } } };
    const sha = repository.merge('loosens', { trial: true });
    const requested = await start('pull', installedFairlead(join(folder, 'bin')), {
      sha,
      event_name: 'pull_request',
      event,
    });
    assert.deepEqual([requested['review']?.result, requested['publish']?.result], ['failure', 'skipped']);
    assert.match(requested['review']?.steps.at(-1)?.stderr ?? '', /permits more than before: nginx\.json \(mount\)/);
    assert.deepEqual(requested['review']?.permissions, { contents: 'read' });

    const merged = repository.merge('loosens', { trial: false });
    const spy = join(folder, 'spy', 'fairlead');
    await mkdir(dirname(spy));
    await writeFile(spy, '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
    const pushed = await start('push', spy, { sha: merged, event_name: 'push', event: { before: base } });
    assert.deepEqual([pushed['review']?.result, pushed['publish']?.result], ['skipped', 'success']);
    assert.deepEqual(pushed['publish']?.permissions, { contents: 'read', packages: 'write', 'id-token': 'write' });
    assert.equal(
      pushed['publish']?.steps.at(-1)?.stdout,
      'login ghcr.io --username dev --password-stdin\n' +
        'push --output github --provenance --keyless --tag=stable -- profiles oci://ghcr.io/acme/profiles/\n',
    );
  });

  it('include the component with inputs that it has', async () => {
    const { include } = parse(example(/component:/));
    const jobs = await readComponent(join(root, 'templates/profiles.yml'), include[0].inputs);
    assert.deepEqual(Object.keys(jobs), ['fairlead-review', 'fairlead-publish']);
  });

  it('let nodes accept what the workflow signs for this repository, and for no other', async () => {
    const sigstore = await privateSigstore();
    await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
    const policy = example(/^kind: TrustPolicy$/m).replace('rules:', 'trustedRoot: root.json\nrules:');
    await writeFile(join(folder, 'policy.yaml'), policy);
    const checked = await runFairlead(['policy', 'check', 'policy.yaml'], { cwd: folder });
    assert.match(succeeded(checked), /repository/);
    const rule = parse(policy).rules[0].require[0].keyless;
    assert.equal(rule.identity, 'https://github.com/OWNER/fairlead/.github/workflows/profiles.yml@refs/tags/v0');
    assert.equal(rule.claims.repository, 'https://github.com/acme/profiles');
    const { jobs } = await readWorkflow(join(root, '.github/workflows/profiles.yml'));
    const repository = { default_branch: 'main' };
    const publishing = ['push', 'schedule', 'workflow_dispatch', 'release', 'pull_request_target'].filter((event) => {
      const github = { event_name: event, ref: rule.claims.ref, event: { repository } };
      return isMet(jobs['publish']?.if, { github }, 'success');
    });
    assert.deepEqual(publishing, [rule.claims.trigger]);
  });
});
