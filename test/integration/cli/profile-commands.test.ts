import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type RunOptions, runFairlead } from '#test/support/cli/run';

const examples = join(import.meta.dirname, '../../../examples');
/** Whatever machine the tests run on. */
const amd64 = ['--architecture', 'amd64'];
const strict = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] };
const lax = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read', 'mount'], action: 'SCMP_ACT_ALLOW' }] };
const appArmor = { filesystem: { readOnlyPaths: ['/etc/nginx/**'] }, capability: { allowedCapabilities: ['chown'] } };
const resource = `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata: {name: recorded}
spec:
  defaultAction: SCMP_ACT_ERRNO
  syscalls:
    - {names: [read, opnat], action: SCMP_ACT_ALLOW}
`;

describe('the profile commands of fairlead', () => {
  let cwd = '';
  const file = (name: string) => join(cwd, name);
  const fairlead = (args: readonly string[], options: RunOptions = {}) => runFairlead(args, { cwd, ...options });
  /** Runs it, expects success and nothing on stderr, and gives what it printed. */
  const printed = async (args: readonly string[], options: RunOptions = {}) => {
    const { code, stdout, stderr } = await fairlead(args, options);
    assert.deepEqual([code, stderr], [0, '']);
    return stdout;
  };
  const example = join(examples, 'nginx.json');

  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-profiles-'));
    await writeFile(file('strict.json'), JSON.stringify(strict));
    await writeFile(file('lax.json'), JSON.stringify(lax));
    await writeFile(file('armor.json'), JSON.stringify(appArmor));
    await writeFile(file('recorded.yaml'), resource);
  });
  after(() => rm(cwd, { recursive: true }));

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

  describe('explain', () => {
    it('reports which input constrained what', async () => {
      assert.equal(
        await printed(['explain', 'lax.json', '--baseline', 'none', '--base', 'strict.json', ...amd64]),
        `baseline   none
base       strict.json
artifact   lax.json

Constrained by the base:
  mount:
    SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO(1)
`,
      );
      const text = await printed(['explain', example, ...amd64]);
      assert.match(text, /^baseline {3}RuntimeDefault \(containerd \d[^\n]* on amd64\)\n/);
      assert.match(
        text,
        /\nConstrained by the baseline:\n(?:.*\n)*?.* {2}keyctl, mount, umount2:\n {4}SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO\(1\)\n/,
      );
      const admin = await printed(['explain', example, ...amd64, '--capabilities', 'default,sys_admin']);
      assert.doesNotMatch(admin, /mount/);
    });

    it('leaves sockets to a profile that permits some families, whatever the runtime compares', async () => {
      for (const like of ['containerd@1.7.32', 'cri-o@1.37', 'docker@29.4.2']) {
        const text = await printed(['explain', example, ...amd64, '--like', like, '--syscall', 'socket']);
        assert.match(text, /^socket: .*SCMP_ACT_ALLOW if arg0 == 1 or arg0 == 2 or arg0 == 10, else/m, like);
      }
    });

    it('prints JSON, and explains single calls', async () => {
      const like = ['--like', 'containerd@2.1'];
      const args = ['explain', 'lax.json', ...amd64, ...like, '--syscall', 'mount', 'read', '--output', 'json'];
      const { constraints, syscalls, ...sources } = JSON.parse(await printed(args));
      const baseline = 'RuntimeDefault (containerd 2.1.0 to 2.1.9 on amd64)';
      assert.deepEqual(sources, { schemaVersion: 1, baseline, artifact: 'lax.json', kind: 'Seccomp' });
      assert.deepEqual(constraints, [
        { subject: 'mount', input: 'baseline', from: 'SCMP_ACT_ALLOW', to: 'SCMP_ACT_ERRNO(1)', exact: true },
      ]);
      assert.deepEqual(syscalls[0].constrainedBy, ['baseline']);
      assert.equal(syscalls[1].effective, 'SCMP_ACT_ALLOW');
      assert.match(
        await printed(args.slice(0, -2)),
        /\nmount: SCMP_ACT_ERRNO\(1\)\n {2}baseline: SCMP_ACT_ERRNO\(1\) \(constrains\)/,
      );
    });

    it('notes a system call that no kernel knows', async () => {
      const { code, stderr } = await fairlead(['explain', 'lax.json', ...amd64, '--syscall', 'opnat', 'read']);
      assert.equal(code, 0);
      assert.equal(stderr, 'note: unknown system call "opnat"; did you mean openat?\n');
    });

    it('refuses a kernel release without numbers, which would count as the oldest', async () => {
      const { code, stderr } = await fairlead(['baseline', '--kernel', 'foo']);
      assert.equal(code, 2);
      assert.match(stderr, /--kernel.*foo.*Want MAJOR\.MINOR, such as 6\.1\./);
    });

    it('explains AppArmor, and SELinux without a default baseline', async () => {
      assert.match(
        await printed(['explain', 'armor.json']),
        /^baseline {3}RuntimeDefault\n(?:.*\n)*?.*nothing constrains it\.\n\nNodes do not apply AppArmor profiles yet: [^\n]*\n$/,
      );
      await writeFile(file('denied.json'), '{"filesystem":{"readOnlyPaths":["/etc/x","/proc/kcore"]}}');
      assert.match(
        await printed(['explain', 'denied.json']),
        /nothing constrains it\.\n\/proc\/kcore stays denied for reading, as in the runtime's default: [^\n]*\n\nNodes do not apply AppArmor/,
      );
      await writeFile(file('none.json'), '{"capability":{}}');
      const text = await printed(['explain', 'armor.json', '--baseline', 'none.json']);
      assert.match(
        text,
        /Constrained by the baseline:\n {2}capability chown:\n {4}permitted -> denied\n\nNodes do not apply/,
      );
      const selinux = join(examples, 'selinux-errorlogger.yaml');
      assert.match(await printed(['explain', selinux]), /^baseline {3}none\n/);
      const policy = '(blockinherit container)\\n(allow process etc_t (file (read)))';
      const raw = `{"kind":"RawSelinuxProfile","apiVersion":"security-profiles-operator.x-k8s.io/v1","metadata":{"name":"raw"},"spec":{"policy":"${policy}"}}`;
      await writeFile(file('raw.json'), raw);
      assert.match(await printed(['explain', 'raw.json']), /^baseline {3}none\n/);
      const { code, stderr } = await fairlead(['explain', selinux, '--baseline', 'RuntimeDefault']);
      assert.equal(code, 2);
      assert.match(stderr, /runtimes have no default profile of kind SELinux/);
    });
  });

  describe('convert', () => {
    it('writes other forms under a name', async () => {
      const text = await printed(['convert', 'strict.json', '--to', 'spo']);
      assert.match(text, /^kind: SeccompProfile\nmetadata:\n {2}name: "strict"$/m);
      assert.match(await printed(['convert', 'recorded.yaml', '--to', 'spo']), /name: "recorded"/);
      assert.match(
        await printed(['convert', '-', '--to', 'apparmor', '--name', 'app'], { input: JSON.stringify(appArmor) }),
        /^profile "app" /m,
      );
      const selinux = join(examples, 'selinux-errorlogger.yaml');
      assert.match(await printed(['convert', selinux, '--to', 'cil']), /^\(block errorlogger\n/);
      assert.deepEqual(JSON.parse(await printed(['convert', '-', '--to', 'runtime'], { input: text })), strict);
    });

    it('prints JSON', async () => {
      const { content, ...said } = JSON.parse(
        await printed(['convert', 'strict.json', '--to', 'spo', '--output', 'json']),
      );
      assert.deepEqual(said, { schemaVersion: 1, kind: 'Seccomp', form: 'spo' });
      assert.equal(content, await printed(['convert', 'strict.json', '--to', 'spo']));
    });

    it('minimizes a profile', async () => {
      const [entry] = strict.syscalls;
      const input = JSON.stringify({ ...strict, syscalls: [entry, entry, { ...entry, action: 'SCMP_ACT_ERRNO' }] });
      const minimal = await printed(['convert', '-', '--to', 'runtime', '--minimize'], { input });
      assert.deepEqual(JSON.parse(minimal), strict);
      const { code, stderr } = await fairlead(['convert', 'armor.json', '--to', 'spo', '--minimize']);
      assert.equal(code, 2);
      assert.match(stderr, /^error: --minimize is for seccomp profiles; the profile is AppArmor/);
    });

    it('narrows comparisons: then lint is silent, and diff finds nothing loosened', async () => {
      const families = (op: string, ...values: readonly number[]) =>
        values.map((value) => ({ names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value, op }] }));
      const { syscalls, ...whole } = JSON.parse(await readFile(example, 'utf8'));
      const others = syscalls.filter((rule: { names: string[] }) => !rule.names.includes('socket'));
      await writeFile(
        file('open.json'),
        JSON.stringify({ ...whole, syscalls: [...others, ...families('SCMP_CMP_NE', 38)] }),
      );
      const findings = await printed(['lint', 'open.json']);
      assert.match(
        findings,
        /socket\(0x100000026\) gets SCMP_ACT_ALLOW.* socket\(0x26\).*convert --narrow-comparisons/,
      );
      assert.match(findings, /\(wide-comparison, \/syscalls\/\d+\/args\/0\)/);
      const narrow = await printed(['convert', 'open.json', '--to', 'runtime', '--narrow-comparisons', ...amd64]);
      await writeFile(file('narrow.json'), narrow);
      assert.equal(await printed(['lint', 'narrow.json', '--fail-on', 'info']), 'narrow.json: Seccomp, no findings\n');
      const changes = await printed(['diff', 'open.json', 'narrow.json', '--fail-on', 'loosened', ...amd64]);
      assert.match(changes, /^Tightened:\n {2}SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO\(38\) where .*0x100000026 or/);
      assert.doesNotMatch(changes, /Loosened/);
      await printed(['push', 'narrow.json', 'localhost/narrow:1', '--oci-layout', 'layout', '--unsigned']);
      await printed(['convert', 'open.json', '--to', 'docker', '--narrow-comparisons', '--minimize', ...amd64]);
      const allowing = { ...whole, syscalls: [...others, ...families('SCMP_CMP_EQ', 2, 10)] };
      const input = JSON.stringify(allowing);
      const kept = await printed(['convert', '-', '--to', 'runtime', '--narrow-comparisons', ...amd64], { input });
      assert.deepEqual(JSON.parse(kept), allowing);
    });

    it('notes the system calls for which narrowed comparisons would be too many', async () => {
      const names = [
        'socket',
        'bind',
        'listen',
        'accept',
        'connect',
        'sendto',
        'read',
        'write',
        'close',
        'fstat',
        'fsync',
      ];
      const more = [
        'dup',
        'fchdir',
        'getpgid',
        'getsid',
        'ioctl',
        'fcntl',
        'flock',
        'umask',
        'syncfs',
        'shutdown',
        'kill',
      ];
      const args = [{ index: 0, value: 40, op: 'SCMP_CMP_NE' }];
      const input = JSON.stringify({
        ...strict,
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
        syscalls: [...names, ...more].map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW', args })),
      });
      const command = ['convert', '-', '--to', 'runtime', '--narrow-comparisons', ...amd64];
      const { code, stderr } = await fairlead(command, { input });
      assert.equal(code, 0);
      assert.match(stderr, /^note: stricter than necessary, because exact conditions would be too many: \w+/);
    });

    it('resolves profiles of Docker for a container', async () => {
      const input = JSON.stringify({
        ...strict,
        syscalls: [{ names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_BPF'], minKernel: '5.8' } }],
      });
      const args = ['convert', '-', '--to', 'runtime', '--capabilities'];
      const rules = async (...more: string[]) => {
        const { code, stdout, stderr } = await fairlead([...args, ...more], { input });
        assert.equal(code, 0);
        assert.match(stderr, /^note: stdin: resolved for one container: amd64, Linux \d+\.\d+, capabilities .*\n$/);
        return JSON.parse(stdout).syscalls.length;
      };
      assert.equal(await rules('BPF', '--kernel', '6.1'), 1);
      assert.equal(await rules('ALL', '--kernel', '6.1'), 1);
      assert.equal(await rules('CAP_BPF', '--kernel', '4.19'), 0);
      assert.equal(await rules('none', '--kernel', '6.1'), 0);
    });

    it('notes what is left out, and reports what has no equivalent', async () => {
      const dropped = await fairlead(['convert', '-', '--to', 'runtime'], {
        input: JSON.stringify({ ...strict, comment: 1 }),
      });
      assert.deepEqual([dropped.code, dropped.stderr], [0, 'note: stdin: unknown fields were left out: /comment\n']);
      const { code, stderr, stdout } = await fairlead(['convert', example, '--to', 'spo']);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /^error: a SeccompProfile cannot express: \/defaultErrnoRet/);
    });
  });

  describe('baseline', () => {
    /** Prints it, and returns it with the releases that the note names. */
    const baseline = async (...args: string[]) => {
      const { code, stdout, stderr } = await fairlead(['baseline', ...args]);
      const [, note] = /^note: default profile of (.*)\n$/.exec(stderr) ?? [];
      assert.equal(code, 0);
      return { content: stdout, allows: (name: string) => stdout.includes(`"${name}"`), note };
    };

    it("prints the runtime's profile for a container", async () => {
      const arm = JSON.parse((await baseline('--architecture', 'arm64', '--capabilities', 'none')).content);
      assert.deepEqual(arm.architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
      assert.equal((await baseline(...amd64)).allows('mount'), false);
      assert.equal((await baseline(...amd64, '--capabilities', 'SYS_ADMIN')).allows('mount'), true);
      const { code, stderr } = await fairlead(['baseline', '--capabilities', 'SYS_ADMN']);
      assert.equal(code, 2);
      assert.match(stderr, /Unknown capability SYS_ADMN/);
    });

    it('prints that of the runtime, release, architecture and kernel of the options', async () => {
      const options = ['--like', 'containerd@2.1', '--kernel', '6.1.0', ...amd64, '--capabilities', 'CHOWN'];
      const { content } = await baseline(...options);
      const { sources, ...runtime } = { name: 'containerd', releases: '2.1.0 to 2.1.9', sources: /, tag v2\.1\.0 / };
      const { runtime: printedRuntime, ...rest } = JSON.parse(
        await printed(['baseline', ...options, '--output', 'json']),
      );
      const { sources: printedSources, ...named } = printedRuntime;
      assert.deepEqual(named, runtime);
      assert.equal(printedSources.length, 1);
      assert.match(printedSources[0], sources);
      const host = { architecture: 'amd64', kernel: '6.1.0', capabilities: ['CAP_CHOWN'] };
      assert.deepEqual(rest, { schemaVersion: 1, kind: 'Seccomp', form: 'runtime', ...host, content });

      assert.equal((await baseline('--like', 'containerd@1.6', ...amd64)).note, 'containerd 1.6.28 to 1.6.39');
      assert.equal((await baseline('--like', 'docker@27', ...amd64)).note?.startsWith('docker 25.0.3 '), true);
      const admin = ['--capabilities', 'default,SYS_ADMIN', ...amd64];
      const [criO, containerd] = await Promise.all(
        ['crio@1.37', 'containerd@2.1.9'].map((like) => baseline('--like', like, ...admin)),
      );
      assert.equal(criO?.note, 'cri-o 1.35.1 to 1.35.6, 1.36.0 to 1.36.3, 1.37.0');
      // SYS_CHROOT is one of the capabilities that containerd gives by itself, and CRI-O does not.
      assert.deepEqual([criO?.allows('vmsplice'), containerd?.allows('vmsplice')], [true, true]);
      assert.match(JSON.stringify(JSON.parse(containerd?.content ?? '').syscalls[0]), /"chroot"/);
      assert.doesNotMatch(JSON.stringify(JSON.parse(criO?.content ?? '').syscalls[1]), /"chroot"/);
      const old = await baseline('--like', 'containerd@1.7', '--kernel', '4.4', ...amd64);
      assert.equal(old.allows('ptrace'), false);
    });

    it('notes that the default profile of a release is not known exactly', async () => {
      const { code, stderr } = await fairlead(['baseline', '--like', 'containerd@1.7.24-0ubuntu1', ...amd64]);
      assert.equal(code, 0);
      assert.match(stderr, /^note: containerd "1\.7\.24-0ubuntu1" may have fixes of later releases: .*1\.7\.32/);
    });

    it('lists the known runtimes and releases for an unknown one', async () => {
      const runtime = await fairlead(['baseline', '--like', 'podman@5.0']);
      assert.equal(runtime.code, 2);
      assert.match(runtime.stderr, /Want containerd, cri-o, docker/);
      for (const version of ['2.1.99', '9', '2.1.', 'x', '', '1.6.20.1']) {
        const release = await fairlead(['baseline', '--like', `containerd@${version}`]);
        assert.equal(release.code, 2, version);
        assert.match(release.stderr, /hint: Known releases: 1\.6\.0 to 1\.6\.39, .*, 2\.3\.0 to 2\.3\.4;/);
      }
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
