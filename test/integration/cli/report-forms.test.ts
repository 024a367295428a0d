import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { sarifRun } from '#test/support/sarif-schema';

const action = 'SCMP_ACT_ALLOW';
const profile = (names: readonly string[]) =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action }] }, undefined, 2);

describe('reports of lint and diff for CI systems', () => {
  let root = '';
  const fairlead = (args: readonly string[], input = '') =>
    runFairlead([...args, '--architecture', 'amd64'], { cwd: join(root, 'profiles'), input });

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'fairlead-report-'));
    await mkdir(join(root, '.git'));
    await mkdir(join(root, 'profiles'));
    await writeFile(join(root, 'profiles/old.json'), profile(['read']));
    await writeFile(join(root, 'profiles/new.json'), profile(['read', 'mount', 'bpf']));
    await writeFile(join(root, 'profiles/dead.json'), '{"defaultAction":\n"SCMP_ACT_NONE"}');
    await writeFile(join(root, 'profiles/misspelt.json'), profile(['opnat']));
  });
  after(() => rm(root, { recursive: true }));

  describe('--output github', () => {
    it('annotates findings at their lines, by paths from the root of the repository', async () => {
      const { code, stdout, stderr } = await fairlead(['lint', 'misspelt.json', '--output', 'github']);
      assert.deepEqual([code, stderr], [0, '']);
      const lines = stdout.trimEnd().split('\n');
      assert.equal(
        lines.find((line) => line.includes('opnat')),
        '::warning file=profiles/misspelt.json,line=6,col=9,endColumn=16,title=unknown-syscall::"opnat" is not a ' +
          'syscall of the listed architectures: did you mean openat?',
      );
      assert.ok(
        lines.every((line) => line.startsWith('::')),
        stdout,
      );
    });

    it('annotates what a change loosens in the new file, as an error if that fails the run', async () => {
      const shown = await fairlead(['diff', 'old.json', 'new.json', '--output', 'github']);
      assert.deepEqual(shown, {
        code: 0,
        stdout:
          '::warning file=profiles/new.json,line=8,col=9,endColumn=14,title=loosened::bpf, mount: ' +
          'SCMP_ACT_ERRNO(1) -> SCMP_ACT_ALLOW\n',
        stderr: '',
      });
      const failed = await fairlead(['diff', 'old.json', 'new.json', '--output', 'github', '--fail-on', 'loosened']);
      assert.deepEqual([failed.code, failed.stdout], [1, shown.stdout.replace('warning', 'error')]);
      const tightened = await fairlead(['diff', 'new.json', 'old.json', '--output', 'github', '--fail-on', 'loosened']);
      assert.equal(tightened.code, 0);
      assert.match(tightened.stdout, /^::notice file=profiles\/old\.json,line=2,.*title=tightened::bpf, mount: .*\n$/);
    });

    it('annotates files that are invalid or cannot be read, and keeps the exit code', async () => {
      const { code, stdout, stderr } = await fairlead([
        'lint',
        'nothing.json',
        'dead.json',
        'old.json',
        '--output',
        'github',
      ]);
      assert.equal(code, 2);
      assert.match(stdout, /^::error file=profiles\/nothing\.json,line=1,title=unreadable::cannot read nothing\.json/);
      assert.match(stdout, /^::error file=profiles\/dead\.json,line=2,col=1,title=invalid-profile::defaultAction/m);
      assert.match(stderr, /^failed: cannot read nothing\.json/m);
      const diff = await fairlead(['diff', '-', 'dead.json', '--output', 'github'], profile(['read']));
      assert.equal(diff.code, 3);
      assert.match(diff.stdout, /^::error file=profiles\/dead\.json,line=2,col=1,title=invalid-profile::[^\n]*\n$/);
      const old = await fairlead(['diff', '-', 'old.json', '--output', 'github'], '{');
      assert.match(old.stdout, /^::error title=invalid-profile::stdin: not valid JSON/);
    });

    it('notes a new and a deleted profile', async () => {
      const added = await fairlead(['diff', '--new', 'new.json', '--output', 'github']);
      assert.match(added.stdout, /^::notice file=profiles\/new\.json,line=1,title=new-profile::New profile of kind/);
      const deleted = await fairlead(['diff', '--deleted', '-', '--output', 'github'], profile(['read']));
      assert.match(deleted.stdout, /^::notice title=deleted-profile::stdin: Deleted profile of kind Seccomp/);
    });

    it('annotates all profiles of two directories', async () => {
      const before = join(root, 'before');
      await mkdir(before);
      await writeFile(join(before, 'new.json'), profile(['read']));
      await writeFile(join(before, 'gone.json'), profile(['gettid']));
      const { code, stdout } = await fairlead(['diff', before, '.', '--output', 'github', '--fail-on', 'loosened']);
      assert.equal(code, 3);
      const lines = stdout.trimEnd().split('\n');
      assert.deepEqual(
        lines.map((line) => line.replace(/(?<=title=[a-z-]*)::.*/, '')),
        [
          '::error file=profiles/dead.json,line=2,col=1,title=invalid-profile',
          '::error file=profiles/new.json,line=8,col=9,endColumn=14,title=loosened',
          '::notice file=before/gone.json,line=1,title=deleted-profile',
          '::notice file=profiles/misspelt.json,line=1,title=new-profile',
          '::notice file=profiles/old.json,line=1,title=new-profile',
        ],
      );
    });
  });

  describe('--output sarif', () => {
    it('is a log that the schema accepts, with the exit codes of the other forms', async () => {
      const files = ['nothing.json', 'dead.json', 'misspelt.json', 'old.json'];
      const { code, stdout } = await fairlead(['lint', ...files, '--output', 'sarif', '--fail-on', 'warning']);
      assert.equal(code, 2);
      const { artifacts, invocations, results, tool } = sarifRun(stdout);
      assert.match(tool.driver.version, /^[0-9]+\.[0-9]+\.[0-9]+/);
      assert.deepEqual(
        artifacts.map(({ location }: { location: { uri: string } }) => location.uri),
        files.map((name) => `profiles/${name}`),
      );
      assert.equal(invocations[0].executionSuccessful, false);
      const shown = results.map(
        ({ ruleId, level, locations: [{ physicalLocation }] }: SarifResult) =>
          `${ruleId} ${level} ${physicalLocation.artifactLocation.uri}:${physicalLocation.region.startLine}`,
      );
      assert.ok(shown.includes('invalid-profile error profiles/dead.json:2'), shown.join('\n'));
      assert.ok(shown.includes('unknown-syscall warning profiles/misspelt.json:6'), shown.join('\n'));
      assert.equal((await fairlead(['lint', 'misspelt.json', '--output', 'sarif', '--fail-on', 'warning'])).code, 1);
    });

    it('has the changes of a comparison at the lines of the new file', async () => {
      const { code, stdout } = await fairlead(['diff', 'old.json', 'new.json', '--output', 'sarif']);
      assert.equal(code, 0);
      const { automationDetails, invocations, results } = sarifRun(stdout);
      assert.deepEqual([automationDetails.id, invocations[0].executionSuccessful], ['fairlead/diff/', true]);
      assert.deepEqual(
        results.map((result: SarifResult) => [
          ...[result.ruleId, result.level, result.baselineState, result.message.text],
          ...[result.locations[0].physicalLocation.region.startLine],
        ]),
        [
          ['loosened', 'warning', 'new', 'bpf: SCMP_ACT_ERRNO(1) -> SCMP_ACT_ALLOW', 8],
          ['loosened', 'warning', 'new', 'mount: SCMP_ACT_ERRNO(1) -> SCMP_ACT_ALLOW', 7],
        ],
      );
      const invalid = await fairlead(['diff', 'old.json', 'dead.json', '--output', 'sarif']);
      assert.deepEqual([invalid.code, sarifRun(invalid.stdout).results[0].ruleId], [3, 'invalid-profile']);
    });
  });

  describe('--output junit', () => {
    it('has a suite for each file, with the exit codes of the other forms', async () => {
      const { code, stdout } = await fairlead([
        'lint',
        'dead.json',
        'misspelt.json',
        'nothing.json',
        '--output',
        'junit',
      ]);
      assert.equal(code, 3);
      assert.match(
        stdout,
        /^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites name="fairlead lint" tests="[0-9]+" /,
      );
      assert.match(stdout, /<testcase name="invalid-profile" [^>]*>\n {6}<failure message="defaultAction/);
      assert.match(stdout, /<testcase name="unknown-syscall" classname="profiles\/misspelt.json"/);
      assert.match(stdout, /<error message="cannot read nothing.json/);
      const diff = await fairlead(['diff', 'old.json', 'new.json', '--output', 'junit', '--fail-on', 'loosened']);
      assert.equal(diff.code, 1);
      assert.match(diff.stdout, /<testsuite name="profiles\/new.json" tests="2" failures="2" errors="0">/);
    });
  });
});

describe('push --output github', () => {
  let root = '';
  const fairlead = (args: readonly string[]) => runFairlead(args, { cwd: join(root, 'profiles') });
  const annotations = async (args: readonly string[], title: RegExp): Promise<readonly string[]> => {
    const { stdout } = await fairlead([...args, '--output', 'github']);
    return stdout.split('\n').filter((line) => title.test(line));
  };
  const push = ['--oci-layout', 'layout', '--key', 'fairlead.key'];

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'fairlead-report-push-'));
    await mkdir(join(root, '.git'));
    await mkdir(join(root, 'profiles'));
    succeeded(await fairlead(['keygen']));
  });
  after(() => rm(root, { recursive: true }));

  const written: Readonly<Record<string, readonly [old: string, changed: string]>> = {
    seccomp: [profile(['read']), profile(['read', 'opnat', 'mount', 'bpf'])],
    'apparmor-json': [
      '{\n  "executable": {"allowedExecutables": ["/bin/a"]},\n  "network": {}\n}\n',
      '{\n  "executable": {"allowedExecutables": ["/bin/a"]},\n  "network": {\n    "allowRaw": true\n  }\n}\n',
    ],
  };
  for (const [form, [old, changed]] of Object.entries(written)) {
    it(`annotates the lines that lint and diff annotate: ${form}`, async () => {
      const reference = `localhost/${form}:v1`;
      await writeFile(join(root, 'profiles/old.json'), old);
      await writeFile(join(root, 'profiles/p.json'), changed);
      succeeded(await fairlead(['push', 'old.json', reference, ...push]));
      const found = await annotations(['lint', 'p.json'], /^::/);
      const loosened = await annotations(['diff', 'old.json', 'p.json'], /title=loosened::/);
      assert.ok(found.length > 0 && loosened.length > 0);
      assert.ok(
        loosened.every((line) => /line=[2-9]/.test(line)),
        String(loosened),
      );
      for (const more of [['--dry-run'], ['--fail-on', 'loosened'], []]) {
        const gate = more.includes('loosened');
        const lines = await annotations(['push', 'p.json', reference, ...push, ...more], /title=(?!not-published)/);
        const level = gate ? 'error' : 'warning';
        assert.deepEqual(lines, [...found, ...loosened.map((line) => line.replace('::warning', `::${level}`))]);
      }
    });
  }

  it('annotates the line of the first part that runtimes refuse', async () => {
    const conflicts = JSON.stringify(
      { defaultAction: 'SCMP_ACT_ERRNO', flags: ['A', 'A'], syscalls: [] },
      undefined,
      2,
    );
    await writeFile(join(root, 'profiles/p.json'), conflicts.replaceAll('"A"', '"SECCOMP_FILTER_FLAG_LOG"'));
    const [first] = await annotations(['lint', 'p.json'], /title=not-publishable/);
    const place = /file=profiles\/p\.json,line=(\d+),col=(\d+),/.exec(first ?? '') ?? assert.fail(first);
    const refused = await annotations(['push', 'p.json', 'localhost/p:v1', ...push], /^::/);
    assert.equal(refused.length, 1);
    assert.match(
      refused[0] ?? '',
      new RegExp(`^::error file=profiles/p\\.json,line=${place[1]},col=${place[2]},title=invalid-profile::runtimes`),
    );
  });
});

it('no form lets a name of a profile be a command of a CI system', async () => {
  const name = 'x\n::error::y\n ::warning::z ##[error]a ##vso[task.complete]b';
  const args = ['--architecture', 'amd64', '--output'];
  for (const form of ['github', 'sarif', 'junit']) {
    const { stdout } = await runFairlead(['lint', '-', ...args, form], { input: profile([name]) });
    assert.match(stdout, /y/);
    const unknown =
      form === 'github' ? stdout.replaceAll(/^::(?:notice|warning|error) title=[a-z-]+::stdin: /gm, '') : stdout;
    assert.doesNotMatch(unknown, /^\s*::|##[a-z]*\[/m);
  }
});

/** What the tests read of a result. */
interface SarifResult {
  readonly ruleId: string;
  readonly level: string;
  readonly baselineState?: string;
  readonly message: { readonly text: string };
  readonly locations: readonly [
    { readonly physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } },
  ];
}
