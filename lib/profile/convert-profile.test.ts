import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile } from '#test/oracle/seccomp-arbitrary';
import { usualDefault } from '#test/support/runtime-default';
import { convertForms, convertProfile, publishableForm } from './convert-profile.ts';
import { diffProfiles } from './diff-profiles.ts';
import { importProfile } from './import-profile.ts';
import type { Profile } from './profile.ts';
import { seccompOf } from './profile.ts';
import { equalsSeccomp } from './seccomp/diff.ts';
import type { SeccompProfile } from './seccomp/model.ts';
import type { ProfileHost } from './seccomp/read/resolve-docker.ts';
import { nativeArchitecture } from './seccomp/tables/architecture.ts';

const native = 'SCMP_ARCH_X86_64';
const host: ProfileHost = { architecture: 'amd64', kernel: '6.1', capabilities: [] };
const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => importProfile(bytes(text), 'text', { host });
const example = (name: string) => importProfile(readFileSync(new URL(`../../examples/${name}`, import.meta.url)), name);

const appArmor: Profile = {
  kind: 'AppArmor',
  apparmor: {
    mode: 'Enforce',
    executable: { allowedExecutables: ['/usr/sbin/nginx'], allowedLibraries: ['/usr/lib/**'] },
    filesystem: { readOnlyPaths: ['/etc/with space/*'], writeOnlyPaths: [], readWritePaths: ['/var/cache/{a,b}/**'] },
    network: { allowRaw: false, allowTcp: true, allowUdp: false },
    capability: { allowedCapabilities: ['net_bind_service'] },
  },
};

function refused(profile: Profile, to: (typeof convertForms)[number], message: RegExp, name = 'app'): void {
  assert.throws(() => convertProfile(profile, to, name), { kind: 'InvalidInput', message });
}

describe('convertProfile', () => {
  const shape = { names: ['read', 'on', 'null', 'ö"\\'], architectures: [[], [native, 'SCMP_ARCH_X86']], rules: 4 };

  it('writes seccomp profiles for runtimes that read the same again', () => {
    fc.assert(
      fc.property(arbitraryProfile({ ...shape, wide: true }), (seccomp) => {
        assert.deepEqual(read(convertProfile({ kind: 'Seccomp', seccomp }, 'runtime', 'app')), {
          kind: 'Seccomp',
          seccomp: publishableForm({ kind: 'Seccomp', seccomp }).seccomp,
        });
      }),
      { numRuns: 100 },
    );
  });

  it('leaves out for runtimes what has no meaning and what some refuse', () => {
    const idle: SeccompProfile = {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      defaultErrnoRet: 1,
      architectures: [native, 'SCMP_ARCH_X86', native],
      flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_LOG'],
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW', errnoRet: 1 },
        { names: ['on'], action: 'SCMP_ACT_ERRNO', errnoRet: 2 },
      ],
    };
    const converted = read(convertProfile({ kind: 'Seccomp', seccomp: idle }, 'runtime', 'app'));
    assert.deepEqual(converted.kind === 'Seccomp' && converted.seccomp, {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: [native, 'SCMP_ARCH_X86'],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW' },
        { names: ['on'], action: 'SCMP_ACT_ERRNO', errnoRet: 2 },
      ],
    });
  });

  it('writes profiles for several machines in the form of Docker, and reads the same architectures again', () => {
    for (const architectures of [
      [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM', 'SCMP_ARCH_S390X'],
      [native, 'SCMP_ARCH_AARCH64'],
      ['SCMP_ARCH_ARM', native],
      ['SCMP_ARCH_X86'],
    ]) {
      const seccomp: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO', architectures };
      for (const architecture of ['amd64', 'arm64', 's390x'] as const) {
        const again = importProfile(bytes(convertProfile({ kind: 'Seccomp', seccomp }, 'docker', 'app')), 'text', {
          host: { ...host, architecture },
        });
        const of = nativeArchitecture(architecture);
        assert.deepEqual(
          diffProfiles({ kind: 'Seccomp', seccomp }, again, of).changes.map(
            ({ direction, to }) => `${direction} ${to}`,
          ),
          [],
        );
      }
    }
  });

  it('keeps an empty list of flags apart from an absent one, in every form', () => {
    for (const form of ['runtime', 'docker', 'spo'] as const) {
      for (const flags of [undefined, [], ['SECCOMP_FILTER_FLAG_LOG']]) {
        const seccomp: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO', ...(flags && { flags }) };
        const again = seccompOf(read(convertProfile({ kind: 'Seccomp', seccomp }, form, 'app')));
        assert.deepEqual(again.flags, flags, form);
      }
    }
  });

  it('writes SeccompProfiles that mean the same', () => {
    fc.assert(
      fc.property(arbitraryProfile({ ...shape, wide: false }), ({ defaultErrnoRet: _, ...seccomp }) => {
        const again = read(convertProfile({ kind: 'Seccomp', seccomp }, 'spo', 'on'));
        assert.equal(again.name, 'on');
        assert.equal(again.unknownFields, undefined);
        assert.ok(equalsSeccomp(seccompOf(again), seccomp, native));
      }),
      { numRuns: 100 },
    );
  });

  it('says what a SeccompProfile has no room for', () => {
    const seccomp: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_LOONGARCH64'],
      listenerPath: '/run/agent',
      syscalls: [
        {
          names: ['ioctl'],
          action: 'SCMP_ACT_ALLOW',
          args: [{ index: 1, value: 2n ** 63n, op: 'SCMP_CMP_EQ' }],
        },
        { names: ['reboot'], action: 'SCMP_ACT_ERRNO', errnoRet: 0 },
        { names: ['read'], action: 'SCMP_ACT_ALLOW', errnoRet: 0 },
      ],
    };
    const listed = [
      '/defaultErrnoRet',
      '/architectures/0',
      '/listenerPath',
      '/syscalls/0/args/0',
      '/syscalls/1/errnoRet',
    ];
    refused({ kind: 'Seccomp', seccomp }, 'spo', new RegExp(listed.join('.*; ')));
    const eperm: Profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1 } };
    assert.match(convertProfile(eperm, 'spo', 'app'), /defaultAction: SCMP_ACT_ERRNO\n$/);
  });

  it('writes profiles of Docker that hold alike on every machine', () => {
    const architectures = [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_S390X', 'SCMP_ARCH_S390'];
    const seccomp = { ...usualDefault({ architecture: 'amd64', capabilities: [] }), architectures };
    const text = convertProfile({ kind: 'Seccomp', seccomp }, 'docker', 'app');
    assert.doesNotMatch(text, /"architectures"/);
    const on = (architecture: ProfileHost['architecture']) =>
      seccompOf(importProfile(bytes(text), 'docker', { host: { ...host, architecture } }));
    for (const architecture of ['amd64', 'arm64', 's390x', 'riscv64'] as const) {
      const { architectures: again, ...rest } = on(architecture);
      assert.deepEqual([...(again ?? [])].sort(), [...architectures].sort());
      assert.deepEqual({ ...rest, architectures }, seccomp);
    }
    const other = { ...seccomp, architectures: ['SCMP_ARCH_MIPS'] };
    assert.deepEqual(seccompOf(read(convertProfile({ kind: 'Seccomp', seccomp: other }, 'docker', 'app'))), other);
  });

  it('writes AppArmor profiles for runtimes, for the operator and for the parser', () => {
    assert.deepEqual(read(convertProfile(appArmor, 'runtime', 'app')), appArmor);
    const resource = read(convertProfile(appArmor, 'spo', 'yes'));
    assert.equal(resource.name, 'yes');
    assert.deepEqual(diffProfiles(resource, appArmor, 'SCMP_ARCH_X86_64').changes, []);
    assert.match(
      convertProfile(appArmor, 'apparmor', 'app'),
      /^profile "app" (?:.*\n)*?.*"\/etc\/with space\/\*" r,$/m,
    );
  });

  it('writes SELinux profiles for the operator and for the compiler, under another name too', () => {
    const profile = example('selinux-errorlogger.yaml');
    assert.equal(profile.name, 'errorlogger');
    const again = read(convertProfile(profile, 'spo', 'other'));
    assert.equal(again.name, 'other');
    assert.match(convertProfile(again, 'cil', 'app'), /^\(block app\n/);
    refused(profile, 'cil', /the name "a b" is not a valid name in CIL/, 'a b');
  });

  it('keeps that an absent section permits nothing in a resource, and everything for runtimes', () => {
    const resource = read(
      'apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: AppArmorProfile\nmetadata: {name: app}\n' +
        'spec: {abstract: {network: {allowedProtocols: {allowTcp: true}}}}\n',
    );
    const runtime = convertProfile(resource, 'runtime', 'app');
    assert.deepEqual(Object.keys(JSON.parse(runtime)), ['executable', 'filesystem', 'network', 'capability']);
    assert.deepEqual(diffProfiles(resource, read(runtime), native).changes, []);
    assert.deepEqual(diffProfiles(resource, read(convertProfile(resource, 'spo', 'app')), native).changes, []);
    assert.doesNotMatch(convertProfile(resource, 'apparmor', 'app'), /^ {2}(file|capability|"\/\{,\*\*\}" .*),$/m);

    const open = read('{"network": {"allowedProtocols": {"allowTcp": true}}}');
    assert.throws(() => convertProfile(open, 'spo', 'app'), {
      kind: 'ProfileInvalid',
      message: /^no "executable", "filesystem", "capability": what is absent permits everything of its kind/,
    });
    assert.match(convertProfile(open, 'apparmor', 'app'), /^ {2}capability,$/m);
  });

  it('writes no resource that Kubernetes or AppArmor would not take', () => {
    for (const name of ['', 'a b', 'A', '../x', 'a_b', '-a', 'a\nb', 'x'.repeat(254)]) {
      refused(appArmor, 'spo', /invalid name ".*" for a Kubernetes resource/, name);
      refused(example('nginx.json'), 'spo', /invalid name ".*" for a Kubernetes resource/, name);
    }
    refused(appArmor, 'spo', /name unconfined belongs to the kernel/, 'unconfined');
    refused(example('selinux-errorlogger.yaml'), 'spo', /invalid name ".*" for a Kubernetes resource/, 'my_app');
  });

  it('says which forms there are', () => {
    refused(example('nginx.json'), 'cil', /Seccomp has no form "cil"/);
    refused(appArmor, 'docker', /AppArmor has no form "docker"/);
    refused(example('selinux-errorlogger.yaml'), 'runtime', /SELinux has no form "runtime"/);
    for (const profile of [example('nginx.json'), appArmor, example('selinux-errorlogger.yaml')]) {
      for (const form of convertForms) {
        try {
          assert.ok(convertProfile(profile, form, 'app').endsWith('\n'));
        } catch (error) {
          assert.equal((error as { kind: string }).kind, 'InvalidInput', String(error));
        }
      }
    }
  });
});
