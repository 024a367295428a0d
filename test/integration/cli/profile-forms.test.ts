import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failed, type RunOptions, runFairlead, succeeded } from '#test/support/cli/run';
import { someOf } from '#test/support/some-of';

const seccomp = (entry: string, root = '') =>
  `{"defaultAction":"SCMP_ACT_ERRNO",${root}"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"${entry}}]}`;
const plain = seccomp('');
const conditional = seccomp(',"includes":{"caps":["CAP_SYS_ADMIN"]}');
const resource = (kind: string, spec: string) =>
  `apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: ${kind}\nmetadata: {name: app}\nspec: ${spec}\n`;

/** Files that runtimes do not read as they are meant, each by another fault. */
const files: Readonly<Record<string, string>> = {
  'includes.json': conditional,
  'includes-upper.json': seccomp(',"Includes":{"Caps":["CAP_CHOWN"]}'),
  'includes-folded.json': seccomp(',"include\u017f":{}'),
  'includes-escaped.json': seccomp(',"\\u0069ncludes":{}'),
  'excludes.json': seccomp(',"excludes":{"arches":["s390x"]}'),
  'comment.json': seccomp(',"comment":"why"'),
  'arch-map.json': seccomp('', '"archMap":[{"architecture":"SCMP_ARCH_X86_64"},{"architecture":"SCMP_ARCH_X86"}],'),
  'errno.json': seccomp(',"errno":"EPERM"'),
  'unknown-root.json': seccomp('', '"$schema":"x",'),
  'unknown-entry.json': seccomp(',"why":{}'),
  'unknown-argument.json': seccomp(',"args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ","includes":{}}]'),
  'upper.json': plain.replace('defaultAction', 'DEFAULTACTION'),
  'upper-entry.json': plain.replace('names', 'Names'),
  'runtime.yaml': 'defaultAction: SCMP_ACT_ERRNO\n',
  'mark.json': `\ufeff${plain}`,
  'seccomp.yaml': resource('SeccompProfile', '{defaultAction: SCMP_ACT_ERRNO}'),
  'armor.yaml': resource('AppArmorProfile', '{abstract: {network: {allowRaw: true}}}'),
  'armor-unknown.json': '{"network":{"allowRaw":true},"ptrace":{}}',
};

const examples = join(import.meta.dirname, '../../../examples');

describe('forms of a profile, on the command line', () => {
  let cwd = '';
  const fairlead = (args: readonly string[], options: RunOptions = {}) => runFairlead(args, { cwd, ...options });
  const push = (file: string) =>
    fairlead(['push', file, 'localhost/profiles:1', '--oci-layout', './registry', '--unsigned']);

  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-forms-'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
    await writeFile(join(cwd, 'plain.json'), plain);
    await writeFile(join(cwd, 'empty.json'), '');
  });
  after(() => rm(cwd, { recursive: true }));

  it('--document chooses one of several documents, and empty ones are ignored', async () => {
    const two = [resource('SeccompProfile', '{defaultAction: SCMP_ACT_ERRNO}'), '# nothing\n'].join('---\n');
    await writeFile(join(cwd, 'one.yaml'), `---\n${two}---\n`);
    succeeded(await fairlead(['lint', 'one.yaml']));
    const hexadecimal = resource(
      'SeccompProfile',
      '{defaultAction: SCMP_ACT_ERRNO, syscalls: [{names: [clone], action: SCMP_ACT_ALLOW, args: [{index: 0, value: 0x10, op: SCMP_CMP_EQ}]}]}',
    ).replace('name: app', 'name: web');
    await writeFile(join(cwd, 'two.yaml'), `${two}---\n${hexadecimal}`);
    const unclear = await fairlead(['convert', 'two.yaml', '--to', 'runtime']);
    failed(
      unclear,
      2,
      /two\.yaml has 2 documents(.|\n)*1: SeccompProfile app(.|\n)*2: SeccompProfile web(.|\n)*--document/,
    );
    const chosen = await fairlead(['convert', 'two.yaml', '--to', 'runtime', '--document', 'web']);
    assert.equal(JSON.parse(succeeded(chosen)).syscalls[0].args[0].value, 16);
    const items = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'Namespace' }] });
    await writeFile(join(cwd, 'list.json'), items);
    failed(await fairlead(['lint', 'list.json']), 3, /not a known profile format/);
  });

  for (const file of someOf(Object.keys(files), 6)) {
    it(`push refuses ${file} with a command that makes it publishable`, async () => {
      const refusal = await push(file);
      failed(refusal, 3, new RegExp(`^error: ${file.replaceAll('.', '\\.')}:1:\\d+|^error: ${file}:\\d+:\\d+`));
      const [, command = ''] = /hint: .*(fairlead convert --to runtime FILE)/.exec(refusal.stderr) ?? [];
      assert.notEqual(command, '', refusal.stderr);
      const args = command.replace('FILE', file).split(' ').slice(1);
      await writeFile(join(cwd, 'converted.json'), succeeded(await fairlead(args)));
      succeeded(await push('converted.json'));
      // What lint, diff and explain say of a file that is refused is refused as well, or tells of
      // it.
      const linted = await fairlead(['lint', file]);
      const isResource = file.endsWith('.yaml') && file !== 'runtime.yaml';
      if (linted.code === 0) assert.ok(isResource || linted.stdout.includes('(docker-form, /)'), linted.stdout);
      else assert.match(linted.stderr, /fairlead convert --to runtime FILE/);
    });
  }

  it('a misspelled member is refused with the right name, and not left out, so that the profile does not permit more', async () => {
    const condition = '[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]';
    const entry = seccomp(`,"arg":${condition}`);
    const misspelt: Readonly<Record<string, readonly [text: string, meant: string]>> = {
      'arg.json': [entry, 'args'],
      'docker-arg.json': [entry.replace('"arg"', '"comment":"why","arg"'), 'args'],
      'value-two.json': [seccomp(`,"args":${condition.replace('"op"', '"valueTow":1,"op"')}`), 'valueTwo'],
      'arch.json': [seccomp('', '"architecture":[],'), 'architectures'],
      'armor-write.json': ['{"filesystem":{"readOnlyPath":["/etc/x"]}}', 'readOnlyPaths'],
      'spo-arg.yaml': [
        resource(
          'SeccompProfile',
          `{defaultAction: SCMP_ACT_ERRNO, syscalls: [{names: [read], action: SCMP_ACT_ALLOW, arg: ${condition}}]}`,
        ),
        'args',
      ],
    };
    for (const [file, [text, meant]] of Object.entries(misspelt)) {
      await writeFile(join(cwd, file), text);
      const message = new RegExp(`unknown member .*; did you mean "${meant}"\\?\nhint: Correct the name`);
      const converted = await fairlead(['convert', file, '--to', 'runtime']);
      failed(converted, 3, message);
      assert.equal(converted.stdout, '');
      const isRuntime = !file.startsWith('docker') && !file.startsWith('spo');
      if (isRuntime) failed(await push(file), 3, message);
      const linted = await fairlead(['lint', file]);
      assert.match(linted.stdout + linted.stderr, new RegExp(`did you mean "${meant}"\\?`));
    }
    await writeFile(join(cwd, 'notes.json'), seccomp(',"notes":"a remark beside names"'));
    succeeded(await fairlead(['convert', 'notes.json', '--to', 'runtime']));
  });

  it('ls refuses a repository that a directory does not have, as registries do', async () => {
    succeeded(await push('plain.json'));
    const list = (folder: string, name: string) => fairlead(['ls', name, '--oci-layout', folder]);
    assert.equal(succeeded(await list('./registry', 'localhost/profiles')), '1\n');
    failed(await list('./nope', 'localhost/profiles'), 7, /nope\/localhost\/profiles: no such repository/);
    failed(await list('./registry', 'localhost/others'), 7, /no such repository/);
  });

  it('push reports what a missing signature means', async () => {
    assert.match(
      succeeded(await push('plain.json')),
      /\nsignature {2}none added; unless the digest is signed already, only a rule with "unsigned: true" allows it\n$/,
    );
  });

  it('push reports that SELinux profiles cannot be published, and names a command that works', async () => {
    const selinux = join(examples, 'selinux-errorlogger.yaml');
    const refusal = await push(selinux);
    failed(refusal, 3, /selinux-errorlogger\.yaml:1:1: an SELinux profile, which cannot be published/);
    assert.doesNotMatch(refusal.stderr, /--to runtime/);
    const [, command = ''] = /(fairlead convert --to cil) FILE/.exec(refusal.stderr) ?? [];
    assert.match(succeeded(await fairlead([...command.split(' ').slice(1), selinux])), /^\(block errorlogger\n/);
  });

  it('duplicate members are refused by every command', async () => {
    for (const entry of [',"includes":{},"includes":{}', ',"includes":{},"Includes":{}', ',"Names":["write"]']) {
      const input = seccomp(entry);
      for (const command of [
        ['lint', '-'],
        ['convert', '--to', 'runtime', '-'],
        ['explain', '-'],
        ['diff', 'plain.json', '-'],
      ]) {
        failed(await fairlead(command, { input }), 3, /hint: Remove one of the two/);
      }
    }
  });

  describe('diff', () => {
    it('refuses to compare a profile that depends on the container with one that does not', async () => {
      for (const args of [
        ['plain.json', 'includes.json'],
        ['includes.json', 'plain.json'],
        ['seccomp.yaml', 'arch-map.json'],
      ]) {
        failed(
          await fairlead(['diff', ...args, '--fail-on', 'loosened']),
          2,
          /what it permits depends on the container, and the other file is in another form\nhint: .*fairlead convert --to runtime FILE/,
        );
        failed(await fairlead(['diff', ...args]), 2, /depends on the container/);
      }
    });

    it('compares two that depend on it for one container, names the container, and refuses --fail-on', async () => {
      const input = seccomp(',"includes":{"caps":["CAP_CHOWN"]}');
      const container = ['--architecture', 'arm64', '--kernel', '6.1', '--capabilities', 'CHOWN'];
      const args = ['diff', 'includes.json', '-', ...container];
      const heading =
        'Compared for one container: arm64, Linux 6.1, capabilities CHOWN. The result for others may differ.\n';
      const text = succeeded(await fairlead(args, { input }));
      assert.equal(text, `${heading}Loosened:\n  SCMP_ACT_ERRNO(1) -> SCMP_ACT_ALLOW\n    read\n`);
      const markdown = succeeded(await fairlead([...args, '--output', 'markdown'], { input }));
      assert.ok(markdown.startsWith(`${heading}\n### Loosened\n`), markdown);
      const json = JSON.parse(succeeded(await fairlead([...args, '--output', 'json'], { input })));
      assert.deepEqual(json.container, { architecture: 'arm64', kernel: '6.1', capabilities: ['CAP_CHOWN'] });
      failed(await fairlead([...args, '--fail-on', 'loosened'], { input }), 2, /so --fail-on cannot decide/);
    });

    it('compares profiles that do not depend on the container, in any form', async () => {
      const same = 'No difference in meaning.\n';
      assert.equal(succeeded(await fairlead(['diff', 'plain.json', 'comment.json', '--fail-on', 'loosened'])), same);
      const spo = resource(
        'SeccompProfile',
        '{defaultAction: SCMP_ACT_ERRNO, syscalls: [{names: [read], action: SCMP_ACT_ALLOW}]}',
      );
      assert.equal(succeeded(await fairlead(['diff', 'plain.json', '-'], { input: spo })), same);
      failed(await fairlead(['diff', 'plain.json', 'unknown-entry.json']), 3, /unknown member "\/syscalls\/0\/why"/);
    });

    it('reports a profile that is new or deleted as a result', async () => {
      const isNew = 'New profile of kind Seccomp: plain.json. Nothing ran under it before, so it loosens nothing.';
      const gate = ['--fail-on', 'loosened'];
      for (const args of [
        ['--new', 'plain.json'],
        ['/dev/null', 'plain.json'],
        ['--new', '/dev/null', 'plain.json'],
      ]) {
        assert.ok(succeeded(await fairlead(['diff', ...args, ...gate])).startsWith(isNew));
      }
      for (const args of [
        ['--deleted', 'plain.json'],
        ['plain.json', '/dev/null'],
        ['--deleted', 'plain.json', '/dev/null'],
      ]) {
        assert.match(
          succeeded(await fairlead(['diff', ...args, ...gate])),
          /^Deleted profile of kind Seccomp: plain\.json\./,
        );
      }
      assert.match(
        succeeded(await fairlead(['diff', '--new', 'armor.yaml', '--output', 'markdown'])),
        /^### New\n\nNew profile of kind AppArmor: `armor\.yaml`\./,
      );
      assert.deepEqual(JSON.parse(succeeded(await fairlead(['diff', '--deleted', 'plain.json', '--output', 'json']))), {
        schemaVersion: 1,
        from: 'plain.json',
        to: null,
        kind: 'Seccomp',
        change: 'deleted',
        loosened: false,
        changes: [],
        rewritten: [],
      });
      assert.match(succeeded(await fairlead(['diff', '--new', '-'], { input: plain })), /: stdin\./);
    });

    it('accepts nothing else as new or deleted', async () => {
      const invalid: readonly (readonly [readonly string[], number, RegExp])[] = [
        [['empty.json', 'plain.json'], 3, /empty\.json: the file is empty\nhint: .*fairlead diff --new TO/],
        [['-', 'plain.json'], 3, /stdin: the file is empty\nhint: .*fairlead diff --new TO/],
        [['plain.json', 'empty.json'], 3, /fairlead diff --deleted FROM/],
        [['--new', 'empty.json'], 3, /empty\.json: the file is empty/],
        [['--new', 'plain.json', 'comment.json'], 2, /take one profile\nhint: Use fairlead diff --new TO/],
        [['--new', 'plain.json', '/dev/null'], 2, /take one profile/],
        [['--deleted', '/dev/null', 'plain.json'], 2, /take one profile\nhint: Use fairlead diff --deleted FROM/],
        [['--new', '--deleted', 'plain.json'], 2, /cannot be used together/],
        [['--new', '/dev/null'], 2, /take one profile/],
        [['/dev/null', '/dev/null'], 2, /no profile to compare/],
        [['plain.json'], 2, /only one profile to compare\nhint: .*--new TO/],
        [['absent.json', 'plain.json'], 2, /cannot read absent\.json/],
        [['--new', 'unknown-entry.json'], 3, /unknown member/],
      ];
      for (const [args, code, message] of invalid) failed(await fairlead(['diff', ...args]), code, message);
    });
  });

  it('explain refuses a file that nodes refuse, as artifact, baseline and base', async () => {
    for (const args of [
      ['includes.json'],
      ['plain.json', '--base', 'includes.json'],
      ['plain.json', '--baseline', 'arch-map.json'],
    ]) {
      failed(
        await fairlead(['explain', ...args]),
        2,
        /nodes refuse this form.*\nhint: .*fairlead convert --to runtime FILE/,
      );
    }
  });

  it('merge and convert resolve it for the container of the options, and note it', async () => {
    const on = ['--architecture', 'amd64', '--kernel', '6.1', '--capabilities', 'none'];
    const { code, stdout, stderr } = await fairlead(['merge', '--union', 'includes.json', 'plain.json', ...on]);
    assert.deepEqual([code, JSON.parse(stdout).syscalls[0].names], [0, ['read']]);
    assert.equal(
      stderr,
      'note: profiles of Docker and Podman were resolved for one container: amd64, Linux 6.1, capabilities none\n',
    );
    const container = ['--architecture', 'amd64', '--kernel', '6.1', '--capabilities', 'CHOWN'];
    const converted = await fairlead(['convert', 'includes-upper.json', '--to', 'runtime', ...container]);
    assert.deepEqual(JSON.parse(converted.stdout), JSON.parse(plain));
    assert.equal(
      converted.stderr,
      'note: includes-upper.json: read without regard to letter case: /syscalls/0/Includes, /syscalls/0/includes/Caps\n' +
        'note: includes-upper.json: resolved for one container: amd64, Linux 6.1, capabilities CHOWN\n',
    );
  });

  it('convert notes that its result cannot be published, and push agrees', async () => {
    const entry = (action: string, index: number) => ({
      names: ['socket'],
      action: `SCMP_ACT_${action}`,
      args: [{ index, value: 1, op: 'SCMP_CMP_EQ' }],
    });
    const conflicting = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [entry('ALLOW', 0), entry('LOG', 1)] };
    await writeFile(join(cwd, 'conflicting.json'), JSON.stringify(conflicting));
    const { code, stdout, stderr } = await fairlead(['convert', 'conflicting.json', '--to', 'runtime']);
    assert.equal(code, 0);
    assert.match(stderr, /^note: the result cannot be published: \/syscalls\/1: conflicts with [^\n]* socket:.*\n$/);
    await writeFile(join(cwd, 'written.json'), stdout);
    failed(await push('written.json'), 3, /conflicts with/);
  });

  it('all commands read the examples in the same way', async () => {
    for (const name of ['nginx.json', 'audit.json', 'deny-chmod.json', 'apparmor-nginx.json', 'base-runc.json']) {
      const file = join(examples, name);
      succeeded(await push(file));
      assert.match(succeeded(await fairlead(['diff', file, file])), /^No difference/);
      assert.deepEqual(
        JSON.parse(succeeded(await fairlead(['convert', file, '--to', 'runtime']))),
        JSON.parse(await readFile(file, 'utf8')),
      );
    }
  });
});
