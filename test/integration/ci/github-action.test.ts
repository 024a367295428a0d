import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { actionRepository, installedFairlead } from '#test/support/ci/action-repository';
import { GitRepository } from '#test/support/ci/git-repository';
import { type JobResult, readAction, runWorkflow, type Step, type StepResult } from '#test/support/ci/github-runner';
import { profileText } from '#test/support/ci/profiles-project';
import { root } from '#test/support/cli/package';
import { run } from '#test/support/cli/run';

const checkout = 'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1';

describe('the action of GitHub', () => {
  let folder = '';
  let profiles: GitRepository;
  let action: ReturnType<typeof actionRepository>;
  let program = '';
  let runs = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-action-'));
    profiles = new GitRepository(join(folder, 'profiles'));
    profiles.write({ 'profiles/nginx.json': profileText() });
    profiles.commit('base');
    action = actionRepository(join(folder, 'fairlead'));
    program = installedFairlead(join(folder, 'bin'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Runs steps after the checkout of the profiles and of the action. */
  async function runSteps(
    steps: readonly Step[],
    options: { readonly env?: Record<string, string>; readonly github?: object; readonly action?: typeof action } = {},
  ): Promise<JobResult & { readonly directory: string }> {
    runs += 1;
    const { directory, commit } = options.action ?? action;
    const own = { repository: 'acme/fairlead', ref: commit, path: 'action' };
    const prepare: Step[] = [
      { uses: checkout, with: { 'fetch-depth': 0 } },
      { uses: checkout, with: own },
    ];
    const file = join(folder, `workflow-${runs}.yml`);
    const job = { 'runs-on': 'ubuntu-24.04', steps: [...prepare, ...steps] };
    await writeFile(file, stringify({ on: { workflow_call: {} }, jobs: { only: job } }));
    const started = join(folder, `run-${runs}`);
    const jobs = await runWorkflow(
      file,
      {},
      {
        directory: started,
        repositories: { 'acme/profiles': profiles.directory, 'acme/fairlead': directory },
        workflow: { repository: 'acme/fairlead', sha: commit },
        github: {
          repository: 'acme/profiles',
          sha: profiles.git('rev-parse', 'HEAD'),
          ref: 'refs/heads/main',
          event_name: 'push',
          event: {},
          repository_id: '1',
          repository_owner_id: '2',
          workflow_ref: 'acme/profiles/.github/workflows/publish.yml@refs/heads/main',
          ...options.github,
        },
        ...(options.env && { env: options.env }),
      },
    );
    return { ...(jobs['only'] ?? assert.fail()), directory: join(started, 'only') };
  }

  const uses = (given: Record<string, unknown>): Step => ({ uses: './action', with: { program, ...given } });
  const last = ({ steps }: JobResult): StepResult => steps.at(-1) ?? assert.fail();

  it('copies no expression into a script, and shows every input to it', async () => {
    const { inputs, runs: definition } = await readAction(root);
    for (const step of definition.steps) {
      assert.doesNotMatch(step.run ?? '', /\$\{\{/);
      const shown = Object.values(step.env ?? {}).join('\n');
      for (const name of Object.keys(inputs ?? {})) {
        if (name !== 'working-directory') assert.match(shown, new RegExp(`\\$\\{\\{ inputs\\.${name} \\}\\}`));
      }
    }
  });

  it('hands every input to the program as it is, and runs nothing of it', async () => {
    const spy = join(folder, 'arguments');
    await writeFile(spy, '#!/bin/sh\nprintf "<%s>" "$@" "$(cat)"\n');
    await chmod(spy, 0o755);
    const evil = (name: string): string => `--${name} $(touch pwned) \`touch pwned\`; touch pwned "'\\ * ü`;
    const called: Record<string, readonly string[]> = {
      lint: ['project', 'fail-on', 'args', 'paths'],
      diff: ['project', 'fail-on', 'base', 'args', 'paths'],
      push: [
        ...['registry', 'username', 'password'], // of the login before it
        ...['project', 'fail-on', 'version', 'policy', 'args', 'paths', 'repository'],
      ],
    };
    const inputs = new Set(Object.values(called).flat());
    const given = {
      ...Object.fromEntries(Array.from(inputs, (name) => [name, evil(name)])),
      paths: `${evil('paths')}\r\n\n-second`,
    };
    for (const [command, names] of Object.entries(called)) {
      const job = await runSteps([uses({ program: spy, command, ...given })]);
      assert.equal(job.result, 'success', last(job).stderr);
      const found = last(job)
        .stdout.split('><')
        .map((word) => word.replace(/^<|>$/g, ''));
      assert.deepEqual(
        found.filter((word) => word.includes('touch')).map((word) => word.replace(/>?<push$/, '')),
        names.map((name) => `${name === 'repository' ? 'oci://' : ''}${evil(name)}`),
      );
      assert.ok(found.includes('-second'));
      assert.ok(found.indexOf('--') < found.indexOf(evil('paths')));
      assert.ok(!(await readdir(join(job.directory, 'workspace'))).includes('pwned'));
    }
    const other = await runSteps([uses({ program: spy, command: `${evil('command')}\nlint` })]);
    assert.equal(last(other).outcome, 'failure');
    assert.ok(!(await readdir(join(other.directory, 'workspace'))).includes('pwned'));
  });

  it('refuses unknown commands', async () => {
    const unknown = last(await runSteps([uses({ command: 'publish' })]));
    assert.equal(unknown.outcome, 'failure');
    assert.match(unknown.stderr, /^error: unknown command "publish": want lint, diff, push or setup\nhint: /);
  });

  it('runs the program of its release, else the one in PATH, else says what to do', async () => {
    const path = (...directories: string[]) => ({ PATH: [...directories, '/usr/bin', '/bin'].join(':') });
    const none = last(await runSteps([{ uses: './action', with: { command: 'lint' } }], { env: path() }));
    assert.equal(none.outcome, 'failure');
    assert.match(none.stderr, /fairlead is neither in this action nor in PATH\nhint: Use the tag of a release/);
    const installed = last(
      await runSteps([{ uses: './action', with: { command: 'lint' } }], { env: path(dirname(program)) }),
    );
    assert.equal(installed.outcome, 'success');
    const built = actionRepository(join(folder, 'built'));
    const repository = new GitRepository(built.directory);
    repository.write({
      'bin/fairlead.js': `console.log('built', process.argv.slice(2).join(' '));\n`,
      'dist/cli/main.js': '',
    });
    const commit = repository.commit('built');
    const env = path(dirname(program), dirname(process.execPath));
    const released = await runSteps([{ uses: './action', with: { command: 'lint' } }], {
      env,
      action: { ...built, commit },
    });
    assert.equal(last(released).stdout, 'built lint --output github --\n');
  });

  it('sets up the program for later steps, with annotations of what lint prints', async () => {
    const lint = { run: 'fairlead lint profiles', shell: 'bash' };
    const job = await runSteps([uses({ command: 'setup' }), lint]);
    assert.equal(job.result, 'success', last(job).stderr);
    const [setup] = job.steps.filter(({ commands }) => commands.length > 0);
    const [matcher] = setup?.commands ?? [];
    assert.equal(matcher?.command, 'add-matcher');
    const { problemMatcher } = JSON.parse(await readFile(matcher?.message ?? '', 'utf8'));
    const [{ regexp, file, line, severity, message, code }] = problemMatcher[0].pattern;
    const text = last(job).stdout;
    const found = text
      .split('\n')
      .flatMap((each) => [new RegExp(regexp).exec(each) ?? []].filter(({ length }) => length > 0));
    assert.ok(found.length > 0, text);
    for (const match of found) {
      assert.equal(match[file], 'profiles/nginx.json');
      assert.match(match[line] ?? '', /^[0-9]+$/);
      assert.match(match[severity] ?? '', /^(?:error|warning|info)$/);
      assert.match(match[code] ?? '', /^[a-z-]+$/);
      assert.ok((match[message]?.length ?? 0) > 10);
    }
    // The last line counts findings and is not one.
    assert.equal(found.length, text.trimEnd().split('\n').length - 1);
  });

  it('keeps the key from the environment and removes its file', async () => {
    const spy = join(folder, 'spy');
    await mkdir(spy);
    const file = join(spy, 'fairlead');
    const script = `#!/bin/sh
[ "$1" != login ] || { printf "%s\\n" "$@"; cat; echo; stat -c %a "$DOCKER_CONFIG"; exit 0; }
env
while [ $# -gt 0 ]; do [ "$1" != --key ] || { stat -c %a "$2"; cat "$2"; }; shift; done
exit 3
`;
    await writeFile(file, script);
    await chmod(file, 0o755);
    const key = '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----';
    const given = { command: 'push', key, passphrase: 'word', username: 'me', password: 'secret-password' };
    const job = await runSteps([uses({ program: file, ...given, registry: 'ghcr.io' })]);
    const { stdout, outcome } = last(job);
    assert.equal(outcome, 'failure');
    assert.match(stdout, /^login\nghcr\.io\n--username\nme\n--password-stdin\nsecret-password\n\n?700\n/);
    assert.match(stdout, /^600\n-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----$/m);
    assert.equal(stdout.match(/secret$/gm)?.length, 1);
    assert.equal(stdout.match(/secret-password/g)?.length, 1);
    assert.match(stdout, /^FAIRLEAD_PASSPHRASE=word$/m);
    assert.deepEqual(
      (await readdir(join(job.directory, 'temp'))).filter((name) => name.startsWith('fairlead-secrets')),
      [],
    );
    const nowhere = last(await runSteps([uses({ program: file, ...given })]));
    assert.match(nowhere.stderr, /^error: the input `registry` is missing\nhint: Name the host/);
  });

  it('sends the password to the registry that it is for, and to no other', async () => {
    const authorized: string[] = [];
    const serve = (name: string) =>
      createServer(({ headers, url }, response) => {
        if (headers.authorization !== undefined) authorized.push(name);
        if (headers.authorization === undefined || url !== '/v2/')
          response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
        else response.writeHead(200).end();
      });
    const servers = [serve('own'), serve('other')];
    const [own, other] = await Promise.all(
      servers.map(async (server) => {
        await once(server.listen(0, '127.0.0.1'), 'listening');
        return `127.0.0.1:${(server.address() as AddressInfo).port}`;
      }),
    );
    try {
      const login = { registry: own, username: 'me', password: 'secret-password' };
      const push = { command: 'push', paths: 'profiles/nginx.json', args: '--unsigned', provenance: false };
      const refused = last(await runSteps([uses({ ...push, ...login, repository: `${other}/nginx:1` })]));
      assert.equal(refused.outcome, 'failure');
      assert.match(refused.stderr, new RegExp(`${other}`));
      assert.deepEqual([...new Set(authorized)], ['own']);
    } finally {
      for (const server of servers) server.close();
    }
  });

  it('compares with the merge base of a pull request only if its merge is checked out', async () => {
    profiles.branch('loosens', { 'profiles/nginx.json': profileText('mount') });
    const sha = profiles.merge('loosens', { trial: true });
    const before = profiles.git('rev-parse', 'main');
    const event = { pull_request: { base: { sha: before } } };
    const github = { sha, event_name: 'pull_request', event };
    const diff = uses({ command: 'diff', 'fail-on': 'loosened' });
    const head = profiles.git('rev-parse', 'loosens');
    for (const ref of [sha, head]) {
      const job = await runSteps(
        [
          { uses: checkout, with: { ref, 'fetch-depth': 0 } },
          { uses: checkout, with: { repository: 'acme/fairlead', ref: action.commit, path: 'action' } },
          diff,
        ],
        { github },
      );
      assert.equal(last(job).outcome, 'failure');
      assert.match(last(job).stderr, /nginx\.json \(mount\)/);
    }
    // After another commit on the branch, its first parent is not what it is merged into.
    profiles.git('checkout', '--quiet', 'loosens');
    profiles.write({ 'README.md': 'x' });
    const next = profiles.commit('more');
    profiles.git('checkout', '--quiet', 'main');
    const later = await runSteps(
      [
        { uses: checkout, with: { ref: next, 'fetch-depth': 0 } },
        { uses: checkout, with: { repository: 'acme/fairlead', ref: action.commit, path: 'action' } },
        diff,
      ],
      { github },
    );
    assert.equal(last(later).outcome, 'failure');
  });

  it('keeps a gate closed if there is nothing to compare with, and warns without a gate', async () => {
    const sha = profiles.git('rev-parse', 'HEAD');
    const events: readonly { readonly event_name: string; readonly event: object }[] = [
      { event_name: 'push', event: { before: '0'.repeat(40) } },
      { event_name: 'workflow_dispatch', event: {} },
      { event_name: 'pull_request_target', event: { pull_request: { base: { sha } } } },
    ];
    for (const github of events) {
      for (const gate of [{ 'fail-on': 'loosened' }, { args: '--fail-on=loosened' }, { args: '--fail-on\nloosened' }]) {
        const closed = last(await runSteps([uses({ command: 'diff', ...gate })], { github }));
        assert.equal(closed.outcome, 'failure', github.event_name);
        assert.deepEqual(
          closed.commands.map(({ command, properties }) => [command, properties['title']]),
          [['error', 'not-compared']],
        );
        assert.match(closed.stderr, /^error: .* commit .*\nhint: Set the input `base`/);
      }
      const { outcome, commands, outputs } = last(await runSteps([uses({ command: 'diff' })], { github }));
      assert.deepEqual([outcome, commands.map(({ command }) => command)], ['success', ['warning']]);
      assert.deepEqual(outputs, { changed: 'true', loosened: 'true', profiles: '[]', reference: '', digest: '' });
    }
    for (const given of [{ base: 'HEAD' }, { args: '--base=HEAD' }]) {
      const compared = last(await runSteps([uses({ command: 'diff', 'fail-on': 'loosened', ...given })]));
      assert.deepEqual([compared.outcome, compared.outputs['changed']], ['success', 'false'], compared.stderr);
    }
  });

  it('has a script that bash can parse', async () => {
    const script = join(root, 'deploy/ci/github-action.sh');
    assert.deepEqual(await run('bash', ['-n', script]), { code: 0, stdout: '', stderr: '' });
  });
});
