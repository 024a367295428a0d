import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { amd64, examples, profileFolder } from '#test/support/cli/profile-folder';

describe('fairlead explain and baseline', () => {
  const { fairlead, file, printed } = profileFolder();
  const example = join(examples, 'nginx.json');

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

    it('refuses a kernel release without numbers, which would be treated as the oldest', async () => {
      const { code, stderr } = await fairlead(['baseline', '--kernel', 'foo']);
      assert.equal(code, 2);
      assert.match(stderr, /--kernel.*foo.*Want MAJOR\.MINOR, such as 6\.1\./);
    });

    it('explains AppArmor, and SELinux without a default baseline', async () => {
      assert.match(
        await printed(['explain', 'armor.json']),
        /^baseline {3}RuntimeDefault\n(?:.*\n)*?.*nothing constrains it\.\n$/,
      );
      await writeFile(file('denied.json'), '{"filesystem":{"readOnlyPaths":["/etc/x","/proc/kcore"]}}');
      assert.match(
        await printed(['explain', 'denied.json']),
        /nothing constrains it\.\n\/proc\/kcore stays denied for reading, as in the runtime's default: [^\n]*\n$/,
      );
      await writeFile(file('none.json'), '{"capability":{}}');
      const text = await printed(['explain', 'armor.json', '--baseline', 'none.json']);
      assert.match(text, /Constrained by the baseline:\n {2}capability chown:\n {4}permitted -> denied\n$/);
      const selinux = join(examples, 'selinux-errorlogger.yaml');
      assert.match(
        await printed(['explain', selinux]),
        /^baseline {3}none\n(?:.*\n)*\nNodes do not apply SELinux profiles yet: [^\n]*\n$/,
      );
      const policy = '(blockinherit container)\\n(allow process etc_t (file (read)))';
      const raw = `{"kind":"RawSelinuxProfile","apiVersion":"security-profiles-operator.x-k8s.io/v1","metadata":{"name":"raw"},"spec":{"policy":"${policy}"}}`;
      await writeFile(file('raw.json'), raw);
      assert.match(await printed(['explain', 'raw.json']), /^baseline {3}none\n/);
      const { code, stderr } = await fairlead(['explain', selinux, '--baseline', 'RuntimeDefault']);
      assert.equal(code, 2);
      assert.match(stderr, /runtimes have no default profile of kind SELinux/);
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
});
