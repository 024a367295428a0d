import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { amd64, appArmor, examples, profileFolder, resource, strict } from '#test/support/cli/profile-folder';

describe('the profile commands of fairlead', () => {
  const { fairlead, file, printed } = profileFolder();
  const example = join(examples, 'nginx.json');

  describe('lint', () => {
    it('prints findings in lines, and exits with 0', async () => {
      const text = await printed(['lint', example, 'recorded.yaml', 'armor.json']);
      assert.equal(
        text.replace(/(?<=under runc, which needs close, execve, )[^\n]*(?= \(missing-runtime-syscalls)/, 'NEEDS'),
        `${example}: Seccomp, no findings
recorded.yaml:1:1: info: a custom resource, which runtimes do not read; to publish it: fairlead convert --to runtime FILE (resource-form, /)
recorded.yaml:6:3: warning: this profile denies calls that runtimes make themselves once the filter is loaded: no container starts under runc, which needs close, execve, NEEDS (missing-runtime-syscalls, /syscalls)
recorded.yaml:7:22: warning: "opnat" is not a syscall of the listed architectures: did you mean openat? (unknown-syscall, /syscalls/0/names/1)
recorded.yaml: Seccomp, 2 warnings, 1 remark
armor.json:1:1: warning: "executable" is missing, which permits everything of its kind; an empty section permits nothing (unspecified-section, /)
armor.json:1:1: warning: "network" is missing, which permits everything of its kind; an empty section permits nothing (unspecified-section, /)
armor.json: AppArmor, 2 warnings, 0 remarks
`,
      );
    });

    it('checks the others if a file cannot be read, and ends with the exit code of the first such file', async () => {
      await writeFile(file('dead.json'), '{"defaultAction":"SCMP_ACT_NONE"}');
      const files = ['dead.json', 'nothing.json', 'recorded.yaml'];
      const { code, stdout, stderr } = await fairlead(['lint', ...files, '--fail-on', 'warning']);
      assert.equal(code, 3);
      assert.match(
        stdout,
        /^recorded\.yaml:1:1: (.|\n)*unknown-syscall(.|\n)*\nrecorded\.yaml: Seccomp, 2 warnings, 1 remark\n$/,
      );
      assert.match(
        stderr,
        /^failed: dead\.json:1:18: (.|\n)*^failed: cannot read nothing\.json\n(.|\n)*^error: 2 of 3 files /m,
      );
      const json = await fairlead(['lint', ...files, '--output', 'json']);
      assert.deepEqual(
        [json.code, JSON.parse(json.stdout).profiles.map((linted: { file: string }) => linted.file)],
        [3, ['recorded.yaml']],
      );
      assert.equal((await fairlead(['lint', 'nothing.json', 'dead.json'])).code, 2);
    });

    it('exits with 1 if --fail-on finds something, unlike errors', async () => {
      const closed = await fairlead(['lint', '--fail-on', 'warning', 'recorded.yaml']);
      assert.equal(closed.code, 1);
      assert.equal(closed.stderr, 'failed: 2 findings of severity warning or above\n');
      assert.match(closed.stdout, /unknown-syscall/);
      assert.equal((await fairlead(['lint', '--fail-on', 'info', example])).code, 0);
      assert.equal((await fairlead(['lint', '--fail-on', 'warning', 'nothing.json'])).code, 2);
      assert.equal((await fairlead(['lint', '-'], { input: '{' })).code, 3);
    });

    it('starts no line for a newline in a name', async () => {
      const rule = { names: ['x\np.json: Seccomp, no findings'], action: 'SCMP_ACT_ALLOW' };
      const input = JSON.stringify({ ...strict, syscalls: [rule, rule] });
      for (const args of [
        ['lint', '-'],
        ['explain', '-'],
        ['diff', 'strict.json', '-', '--fail-on', 'loosened'],
      ]) {
        const { stdout, stderr } = await fairlead(args, { input });
        assert.doesNotMatch(stdout + stderr, /^p\.json/m);
      }
    });

    it('reads stdin, and prints JSON', async () => {
      const { profiles, failed } = JSON.parse(await printed(['lint', '-', '--output', 'json'], { input: resource }));
      assert.equal(failed, false);
      assert.deepEqual(
        [profiles[0].file, profiles[0].kind, profiles[0].findings[2].code],
        ['stdin', 'Seccomp', 'unknown-syscall'],
      );
      const { code, stderr } = await fairlead(['lint', '-', '-'], { input: resource });
      assert.equal(code, 2);
      assert.match(stderr, /stdin can be read only once/);
    });

    it('names the formats that it tried', async () => {
      const { code, stderr } = await fairlead(['lint', '-'], { input: 'kind: Deployment' });
      assert.equal(code, 3);
      for (const tried of ['defaultAction', 'executable', 'archMap', 'AppArmorProfile', 'RawSelinuxProfile']) {
        assert.match(stderr, new RegExp(`^error: stdin:1:1: not a known profile format: tried .*${tried}`));
      }
      const wrong = await fairlead(['lint', '--from', 'spo', 'strict.json']);
      assert.match(wrong.stderr, /^error: strict\.json:1:1: kind: must be one of SeccompProfile, AppArmorProfile/);
    });
  });

  describe('diff', () => {
    it('reports what was loosened, and fails with --fail-on', async () => {
      const text = 'Loosened:\n  SCMP_ACT_ERRNO(1) -> SCMP_ACT_ALLOW\n    mount\n';
      assert.equal(await printed(['diff', 'strict.json', 'lax.json', ...amd64]), text);
      const closed = await fairlead(['diff', 'strict.json', 'lax.json', '--fail-on', 'loosened']);
      assert.deepEqual([closed.code, closed.stdout], [1, text]);
      assert.equal(closed.stderr, 'failed: lax.json permits what strict.json does not: mount\n');
      assert.equal((await fairlead(['diff', 'lax.json', 'strict.json', '--fail-on', 'loosened'])).code, 0);
      assert.equal(
        await printed(['diff', 'strict.json', '-'], { input: JSON.stringify(strict) }),
        'No difference in meaning.\n',
      );
    });

    it('prints JSON and Markdown', async () => {
      const found = JSON.parse(await printed(['diff', 'strict.json', 'recorded.yaml', '--output', 'json']));
      assert.deepEqual(found, {
        schemaVersion: 1,
        from: 'strict.json',
        to: 'recorded.yaml',
        kind: 'Seccomp',
        loosened: true,
        changes: [
          {
            ...{ subject: 'opnat', direction: 'loosened', from: 'SCMP_ACT_ERRNO(1)', to: 'SCMP_ACT_ALLOW' },
            place: { line: 7, column: 22, endColumn: 27, pointer: '/spec/syscalls/0/names/1' },
          },
        ],
        rewritten: [],
      });
      const markdown = await printed(['diff', 'lax.json', 'strict.json', '--output', 'markdown']);
      assert.match(
        markdown,
        /^### Tightened\n\n.*\n\|---.*\n\| `mount` \| `SCMP_ACT_ALLOW` \| `SCMP_ACT_ERRNO\(1\)` \| {2}\|\n$/,
      );
    });

    it('refuses profiles of different kinds', async () => {
      const { code, stderr } = await fairlead(['diff', 'strict.json', 'armor.json']);
      assert.equal(code, 2);
      assert.match(stderr, /kind Seccomp and AppArmor/);
    });
  });

  describe('merge', () => {
    it('makes intersections and unions', async () => {
      const names = async (...args: string[]) =>
        JSON.parse(await printed(['merge', ...args, ...amd64])).syscalls.flatMap(
          (rule: { names: string[] }) => rule.names,
        );
      assert.deepEqual(await names('--intersect', 'lax.json', 'recorded.yaml'), ['read']);
      assert.deepEqual(await names('--union', 'lax.json', 'recorded.yaml', 'strict.json'), ['mount', 'opnat', 'read']);
      const { kind, form, inexact, content } = JSON.parse(
        await printed(['merge', '--intersect', 'armor.json', 'armor.json', '--output', 'json']),
      );
      assert.deepEqual([kind, form, inexact], ['AppArmor', 'runtime', []]);
      assert.deepEqual(JSON.parse(content).capability, appArmor.capability);
    });

    it('requires --intersect or --union', async () => {
      for (const [args, message] of [
        [[], /either --intersect or --union/],
        [['--union', '--intersect'], /--intersect and --union cannot be used together/],
      ] as const) {
        const { code, stderr } = await fairlead(['merge', 'lax.json', ...args]);
        assert.equal(code, 2);
        assert.match(stderr, message);
      }
    });

    it('notes on stderr what is not exact', async () => {
      const when = (value: bigint) =>
        `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":2,"value":${value},"op":"SCMP_CMP_EQ"}]}]}`;
      await writeFile(file('narrow.json'), when(5n));
      const args = ['merge', '--intersect', 'narrow.json', '-', ...amd64];
      const { code, stdout, stderr } = await fairlead(args, { input: when(2n ** 32n + 5n) });
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(stdout).syscalls, []);
      assert.equal(
        stderr,
        'note: read: stricter than every input, because the format cannot express the exact result\n',
      );
    });
  });

  it('publish and fetch AppArmor profiles unchanged', async () => {
    const reference = 'localhost/security/armor:1';
    const layout = ['--oci-layout', 'registry'];
    const { kind } = JSON.parse(
      await printed(['push', 'armor.json', reference, '--unsigned', ...layout, '--output', 'json']),
    );
    assert.equal(kind, 'AppArmor');
    await writeFile(
      file('policy.yaml'),
      'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "localhost/**", kinds: [AppArmor], unsigned: true}\n',
    );
    const pull = ['pull', reference, '--policy', 'policy.yaml', ...layout];
    assert.equal(await printed([...pull, '--kind', 'apparmor']), await readFile(file('armor.json'), 'utf8'));
    const wrong = await fairlead(pull);
    assert.equal(wrong.code, 4);
    assert.match(wrong.stderr, /Seccomp/);
    const yaml = await fairlead(['push', 'recorded.yaml', reference, '--unsigned', ...layout]);
    assert.equal(yaml.code, 3);
    assert.match(yaml.stderr, /hint: .*fairlead convert --to runtime/);
  });
});
