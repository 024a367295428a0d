import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { convertProfile } from '#lib/profile/convert-profile';
import { importProfile } from '#lib/profile/import-profile';
import { lint } from '#lib/profile/lint';
import { seccompOf } from '#lib/profile/profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { publicationViolations } from '#lib/profile/publication-violations';
import { readCrioProfile } from '#lib/profile/read-crio-profile';
import { readProfile } from '#lib/profile/read-profile';
import { renderProfile } from '#lib/profile/render-profile';
import { resolveProfile } from '#lib/profile/resolve-profile';
import { equalsSeccomp } from '#lib/profile/seccomp/diff';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';
import { minimize } from '#lib/profile/seccomp/write/minimize';
import { validateArtifact } from '#lib/profile/validate-artifact';
import { usualDefault } from '#test/support/runtime-default';
import { cornerCalls } from '../../oracle/seccomp-arbitrary.ts';
import { evaluate, rank } from '../../oracle/seccomp-evaluate.ts';
import { peer } from '../../peers/peer.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';

const native = 'SCMP_ARCH_X86_64';
const capabilities = ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE', 'CAP_SETGID', 'CAP_SETUID'];
const baseline = usualDefault({ architecture: 'amd64', capabilities });

/**
 * What busybox, linked statically, calls for `true`, as strace shows it; execve is for the runtime
 * to allow.
 */
const needsOfTrue: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: [native],
  syscalls: [
    {
      action: 'SCMP_ACT_ALLOW',
      names: [
        ...['arch_prctl', 'brk', 'exit_group', 'getrandom', 'getuid', 'mprotect', 'prctl', 'prlimit64', 'readlink'],
        ...['readlinkat', 'rseq', 'set_robust_list', 'set_tid_address'],
      ],
    },
  ],
};

const base = (runtime: string) =>
  seccompOf(importProfile(readFileSync(new URL(`../../../examples/base-${runtime}.json`, import.meta.url)), runtime));

/**
 * Intersects the profile with RuntimeDefault; what comes out, minimized, rendered and read again
 * too, is checked by calls.
 */
function checkIntersection(profile: SeccompProfile): void {
  const effective = intersect([baseline, profile], native).profile;
  const minimized = minimize(effective, native);
  const readAgain = [effective, minimized].map((seccomp) =>
    seccompOf(readProfile(renderProfile({ kind: 'Seccomp', seccomp }))),
  );
  const inputs = [baseline, profile];
  const names = [...new Set(inputs.flatMap(({ syscalls = [] }) => syscalls.flatMap((rule) => rule.names))), 'unknown'];
  for (const name of names) {
    for (const call of cornerCalls(inputs, [name], [native, 'SCMP_ARCH_X86'], 40, Math.random)) {
      const result = evaluate(effective, call);
      const strictest = Math.max(...inputs.map((input) => rank(evaluate(input, call))));
      assert.ok(rank(result) >= strictest, `${result} is too lax for ${call.syscall}(${call.args.join()})`);
      for (const other of [minimized, ...readAgain]) {
        assert.equal(evaluate(other, call), result, `${call.syscall}(${call.args.join()})`);
      }
    }
  }
}

describe('the base profiles of the examples', () => {
  for (const runtime of ['runc', 'crun']) {
    it(`are read, linted and intersected: ${runtime}`, () => {
      const seccomp = base(runtime);
      const codes = lint({ kind: 'Seccomp', seccomp }).map(({ code }) => code);
      // Each is for one runtime alone.
      assert.deepEqual(codes, ['missing-runtime-syscalls']);
      checkIntersection(seccomp);
    });
  }
});

describePeers(['runc', 'crun', 'busybox', 'root'], 'base profiles in the kernel', () => {
  let directory: string;
  let runs = 0;
  before(() => {
    directory = temporaryFolder('base-profile');
    for (const name of ['bin', 'proc', 'dev']) mkdirSync(path.join(directory, 'rootfs', name), { recursive: true });
    copyFileSync(peer('busybox'), path.join(directory, 'rootfs/bin/busybox'));
    symlinkSync('busybox', path.join(directory, 'rootfs/bin/true'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const runtime of ['runc', 'crun'] as const) {
    for (const noNewPrivileges of [true, false]) {
      it(`start busybox with what it needs by itself: ${runtime}, noNewPrivileges ${noNewPrivileges}`, () => {
        const start = (seccomp: SeccompProfile) => startTrue(runtime, noNewPrivileges, seccomp);
        const { status, stderr } = start(unionSeccomp([base(runtime), needsOfTrue], native).profile);
        assert.equal(status, 0, stderr);
        assert.notEqual(start(needsOfTrue).status, 0, 'without the base the runtime cannot start it');
        assert.notEqual(start(base(runtime)).status, 0, 'with the base alone the program cannot run');
      });
    }
  }

  function startTrue(runtime: 'runc' | 'crun', noNewPrivileges: boolean, seccomp: SeccompProfile) {
    writeFileSync(path.join(directory, 'config.json'), specification(noNewPrivileges, seccomp));
    runs += 1;
    const id = `base-${process.pid}-${runs}`;
    const run = ['--root', path.join(directory, 'state'), 'run', '--bundle', directory, id];
    // crun refuses hosts with both versions of cgroups, so that it is shown the second alone.
    const script = 'mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
    const [program, args] =
      runtime === 'runc'
        ? [peer('runc'), run]
        : ['unshare', ['-m', 'sh', '-c', script, 'sh', peer('crun'), '--cgroup-manager=disabled', ...run]];
    return spawnSync(program, args, { encoding: 'utf8', timeout: 20_000 });
  }
});

function specification(noNewPrivileges: boolean, seccomp: SeccompProfile): string {
  return JSON.stringify({
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/true'],
      env: ['PATH=/bin'],
      cwd: '/',
      noNewPrivileges,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: 'rootfs', readonly: true },
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: { namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })), seccomp },
  });
}

describePeers(['podman-seccomp.json'], 'the seccomp profile of Podman', () => {
  it('is not a runtime profile as it is, but is one once it is converted, and for CRI-O', () => {
    const bytes = readFileSync(peer('podman-seccomp.json'));
    assert.throws(() => readProfile(bytes, 'seccomp.json'), { hint: /fairlead convert --to runtime FILE/ });
    const host = { architecture: 'amd64', kernel: '6.1', capabilities } as const;
    const profile = importProfile(bytes, 'seccomp.json', { host, lenient: true });
    const converted = readProfile(new TextEncoder().encode(convertProfile(profile, 'runtime', 'podman')));
    validateArtifact(converted, { entriesPerSyscall: 128 });
    const crio = readCrioProfile(bytes, 'seccomp.json');
    validateArtifact(crio, { entriesPerSyscall: 128 });
    assert.ok(equalsSeccomp(seccompOf(resolveProfile(crio, host)), seccompOf(converted), 'SCMP_ARCH_X86_64'));
  });

  it('can be published once it is converted, except for the error number that socket has without AUDIT_WRITE', () => {
    const bytes = readFileSync(peer('podman-seccomp.json'));
    for (const architecture of ['amd64', 'arm64', 's390x'] as const) {
      for (const granted of [
        [],
        ['CAP_SYS_ADMIN'],
        capabilities,
        ['CAP_AUDIT_WRITE'],
        ['CAP_AUDIT_WRITE', 'CAP_BPF'],
      ]) {
        const host = { architecture, kernel: '6.1', capabilities: granted };
        const profile = importProfile(bytes, 'seccomp.json', { host, lenient: true });
        const converted = readProfile(new TextEncoder().encode(convertProfile(profile, 'runtime', 'podman')));
        const violations = publicationViolations(converted, defaultPublicationLimits).map(({ message }) => message);
        if (granted.includes('CAP_AUDIT_WRITE')) assert.deepEqual(violations, []);
        else assert.match(violations.join('\n'), /^conflicts with .* another result for socket: .*$/);
      }
    }
  });

  for (const granted of [[], capabilities, ['CAP_SYS_ADMIN', 'CAP_NET_ADMIN']]) {
    it(`keeps its meaning under RuntimeDefault: ${granted.join() || 'no capabilities'}`, () => {
      const host = { architecture: 'amd64', kernel: '6.1', capabilities: granted } as const;
      const profile = importProfile(readFileSync(peer('podman-seccomp.json')), 'seccomp.json', { host });
      const codes = new Set(lint(profile).map(({ code }) => code));
      assert.equal(codes.has('missing-runtime-syscalls'), false);
      assert.equal(codes.has('unknown-field'), false);
      checkIntersection(seccompOf(profile));
    });
  }
});
