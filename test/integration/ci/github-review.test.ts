import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JobResult } from '#test/support/ci/github-runner';
import { ProfilesProject, profileText } from '#test/support/ci/profiles-project';

describe('the workflow of GitHub reviews a pull request', () => {
  let folder = '';
  let project: ProfilesProject;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-github-'));
    project = new ProfilesProject(folder, {
      'fairlead.yaml': 'repository: ghcr.io/acme/profiles\ntag: stable\nprofiles:\n  - directory: profiles\n',
      'README.md': '# Profiles\n',
      'package.json': '{"private": true}\n',
    });
  });
  after(() => rm(folder, { recursive: true }));

  async function review(branch: string, options: Parameters<ProfilesProject['review']>[1] = {}): Promise<JobResult> {
    const jobs = await project.review(branch, options);
    assert.equal(jobs['publish']?.result, 'skipped');
    return jobs['review'] ?? assert.fail('there is no job review');
  }

  const diffOf = ({ steps }: JobResult) =>
    steps.filter(({ commands, summary }) => commands.length + summary.length > 0).at(-1) ?? assert.fail();

  it('with annotations, a summary and a failure for what it loosens, and for nothing else', async () => {
    project.repository.branch('loosens-one', {
      'profiles/profile-07.json': profileText('getpid', 'mount'),
      'profiles/new.json': profileText(),
      'profiles/profile-13.json': undefined,
      'README.md': '# Our profiles\n',
    });
    const job = await review('loosens-one');
    assert.equal(job.result, 'failure');
    assert.deepEqual(job.permissions, { contents: 'read' });
    const step = diffOf(job);
    assert.equal(step.outcome, 'failure');
    const errors = step.commands.filter(({ command }) => command === 'error');
    assert.equal(errors.length, 1);
    assert.deepEqual(
      { ...errors[0]?.properties, col: undefined, endColumn: undefined },
      { file: 'profiles/profile-07.json', line: '17', title: 'loosened', col: undefined, endColumn: undefined },
    );
    assert.match(errors[0]?.message ?? '', /^mount: /);
    assert.match(step.summary, /^\*\*1 loosened, 1 new, 1 deleted, 28 unchanged\*\*\n/);
    assert.match(step.summary, /^## `profile-07`: loosened\n\n### Loosened\n/m);
    assert.match(step.summary, /^## `new`: new$/m);
    assert.match(step.summary, /^## `profile-13`: deleted$/m);
    assert.deepEqual([step.outputs['changed'], step.outputs['loosened']], ['true', 'true']);
    assert.deepEqual(JSON.parse(step.outputs['profiles'] ?? ''), [
      { name: 'profile-07', change: 'changed', loosened: true },
      { name: 'new', change: 'new', loosened: false },
      { name: 'profile-13', change: 'deleted', loosened: false },
    ]);
    assert.match(step.stderr, /^failed: a profile permits more than before: profile-07 \(mount\)$/m);
  });

  it('and lets through what has the label', async () => {
    const job = await review('loosens-one', { labels: ['docs', 'loosens'] });
    assert.equal(job.result, 'success');
    assert.equal(diffOf(job).outputs['loosened'], 'true');
    assert.equal(diffOf(job).commands.filter(({ command }) => command === 'error').length, 0);
    assert.equal((await review('loosens-one', { labels: ['loosens-not', 'not loosens'] })).result, 'failure');
    assert.equal((await review('loosens-one', { labels: ['docs'], inputs: { label: '' } })).result, 'failure');
    assert.equal(
      (await review('loosens-one', { labels: ['approved'], inputs: { label: 'approved' } })).result,
      'success',
    );
  });

  it('and reports only in a merge queue, whose pull requests were reviewed', async () => {
    const sha = project.repository.merge('loosens-one', { trial: true });
    const base = project.repository.git('rev-parse', 'main');
    const queue = { sha, ref: 'refs/heads/gh-readonly-queue/main/pr-1', event_name: 'merge_group' };
    const jobs = await project.run({}, { github: { ...queue, event: { merge_group: { base_sha: base } } } });
    assert.deepEqual([jobs['review']?.result, jobs['publish']?.result], ['success', 'skipped']);
    assert.equal(jobs['review']?.steps.at(-1)?.outputs['loosened'], 'true');
  });

  it('for no other event, and publishes for a push to the default branch only', async () => {
    const sha = project.repository.git('rev-parse', 'main');
    for (const [event_name, ref] of [
      ['pull_request_target', 'refs/heads/main'],
      ['issue_comment', 'refs/heads/main'],
      ['push', 'refs/heads/feature'],
      ['push', 'refs/tags/main'],
      ['workflow_dispatch', 'refs/heads/feature'],
      ['workflow_dispatch', 'refs/heads/main'],
      ['schedule', 'refs/heads/main'],
    ]) {
      const jobs = await project.run({}, { github: { sha, ref, event_name, event: {} } });
      assert.deepEqual(
        [jobs['review']?.result, jobs['publish']?.result],
        ['skipped', 'skipped'],
        `${event_name} ${ref}`,
      );
    }
  });

  it('against what it is merged into, even if the branch is behind', async () => {
    project.repository.branch('behind', { 'docs.md': 'x' });
    project.repository.branch('tightens', { 'profiles/profile-02.json': profileText() });
    project.repository.merge('tightens', { trial: false });
    const job = await review('behind');
    assert.equal(job.result, 'success');
    assert.equal(diffOf(job).outputs['changed'], 'false');
  });

  it('and stops invalid profiles and findings of lint', async () => {
    project.repository.branch('invalid', {
      'profiles/profile-03.json': '{"defaultAction": "SCMP_ACT_ERRNO", "syscals": []}',
    });
    const invalid = await review('invalid');
    assert.equal(invalid.result, 'failure');
    const failures = invalid.steps.filter(({ commands }) => commands.length > 0);
    assert.equal(failures.length, 2);
    for (const { outcome, commands, summary } of failures) {
      assert.equal(outcome, 'failure');
      const [error, ...others] = commands.filter(({ command }) => command === 'error');
      assert.deepEqual([error?.properties['file'], others], ['profiles/profile-03.json', []]);
      assert.match(error?.message ?? '', /did you mean "syscalls"/);
      assert.match(summary, /profiles\/profile-03\.json/);
    }
    project.repository.branch('unknown', { 'profiles/profile-04.json': profileText('getpid', 'mownt') });
    const warned = await review('unknown', { labels: ['loosens'] });
    assert.equal(warned.result, 'success');
    const [lint] = warned.steps.filter(({ commands }) => commands.length > 0);
    assert.ok(lint?.commands.some(({ command, message }) => command === 'warning' && message.includes('mownt')));
    assert.equal(
      (await review('unknown', { labels: ['loosens'], inputs: { 'lint-fail-on': 'warning' } })).result,
      'failure',
    );
  });

  it('with file names that are commands, options and several lines', async () => {
    const strange = [
      '-o.json',
      '$(touch pwned).json',
      'a\'b"c.json',
      '::error::x.json',
      'two\nlines.json',
      'ü `code`.json',
    ];
    const entries = strange.map((name, at) => `  - {file: ${JSON.stringify(`strange/${name}`)}, name: n${at}}\n`);
    const config = `repository: ghcr.io/acme/profiles\ntag: stable\nprofiles:\n  - directory: profiles\n${entries.join('')}`;
    const files = strange.map((name) => [`strange/${name}`, profileText()]);
    project.repository.branch('strange', { ...Object.fromEntries(files), 'fairlead.yaml': config });
    const job = await review('strange');
    assert.equal(job.result, 'success');
    const found: { name: string }[] = JSON.parse(diffOf(job).outputs['profiles'] ?? '');
    assert.equal(found.length, strange.length);
    const annotated = diffOf(job).commands.map(({ properties }) => properties['file'] ?? '');
    assert.deepEqual(
      annotated.sort(),
      strange
        .map((name) => `strange/${name}`)
        .map((name) => name.replace('\n', '\\u{a}').replace(/^::/, ''))
        .sort(),
    );
    for (const { commands } of job.steps) {
      for (const { properties } of commands) assert.notEqual(properties['file'], undefined);
    }
  });
});
