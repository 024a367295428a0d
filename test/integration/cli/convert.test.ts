import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { amd64, appArmor, examples, profileFolder, strict } from '#test/support/cli/profile-folder';

describe('fairlead convert', () => {
  const { fairlead, file, printed } = profileFolder();
  const example = join(examples, 'nginx.json');

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
    assert.match(findings, /socket\(0x100000026\) gets SCMP_ACT_ALLOW.* socket\(0x26\).*convert --narrow-comparisons/);
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
