import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import { importProfile } from './import-profile.ts';
import { lint } from './lint.ts';
import { type Profile, seccompOf } from './profile.ts';
import type { ProfileHost } from './seccomp/read/resolve-docker.ts';
import { narrowComparisons } from './seccomp/write/narrow-comparisons.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const host: ProfileHost = { architecture: 'amd64', kernel: '6.1.0-18-amd64', capabilities: ['CAP_CHOWN'] };

describe('importProfile', () => {
  it('reads the form of runtimes as readProfile does', () => {
    const profile = importProfile(bytes('{"defaultAction":"SCMP_ACT_LOG"}'), 'p.json');
    assert.deepEqual(profile, { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_LOG' } });
  });

  const docker = JSON.stringify({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrno: 'ENOSYS',
    archMap: [
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
    ],
    syscalls: [
      { name: 'read', action: 'SCMP_ACT_ALLOW', comment: 'old form', args: null, includes: {}, excludes: {} },
      { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
      { names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errno: 'EPERM', excludes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['arch_prctl'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['amd64', 'x32'] } },
      { names: ['clone'], action: 'SCMP_ACT_ALLOW', excludes: { arches: ['s390x'], minKernel: '99.0' } },
    ],
  });

  it('resolves the form of Docker for a host and a container', () => {
    const profile = importProfile(bytes(docker), 'docker.json', { host });
    assert.deepEqual(profile.kind === 'Seccomp' && profile.seccomp, {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW' },
        { names: ['ptrace'], action: 'SCMP_ACT_ALLOW' },
        { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
        { names: ['arch_prctl'], action: 'SCMP_ACT_ALLOW' },
        { names: ['clone'], action: 'SCMP_ACT_ALLOW' },
      ],
    });
    assert.equal(profile.unknownFields, undefined);
    assert.deepEqual(profile.docker, { dependsOnContainer: true });
    const other: ProfileHost = { architecture: 's390x', kernel: '4.4', capabilities: ['CAP_SYS_ADMIN'] };
    const elsewhere = seccompOf(importProfile(bytes(docker), 'docker.json', { host: other }));
    assert.deepEqual(
      elsewhere.syscalls?.flatMap(({ names, action }) => `${names} ${action}`),
      ['read SCMP_ACT_ALLOW', 'bpf SCMP_ACT_ALLOW'],
    );
    assert.deepEqual(elsewhere.architectures, []);
  });

  it('names positions in it, and needs a host', () => {
    assert.throws(() => importProfile(bytes(docker), 'd.json'), { kind: 'InvalidInput' });
    const broken =
      '{"defaultAction":"SCMP_ACT_ERRNO","archMap":[],\n"syscalls":[{"names":["a"],"action":"SCMP_ACT_ALOW"}]}';
    assert.throws(
      () => importProfile(bytes(broken), 'd.json', { host }),
      /^FairleadError: d\.json:2:37: syscalls\[0\]\.action/,
    );
    const kernel = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"],"includes":{"minKernel":"4"}}]}';
    assert.throws(() => importProfile(bytes(kernel), 'd.json', { host }), /d\.json:1:86: includes\.minKernel/);
    const both = '{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],"archMap":[]}';
    assert.throws(
      () => importProfile(bytes(both), 'd.json', { host }),
      /archMap and architectures cannot be used together/,
    );
  });

  it('reads the profile that Podman brings', { skip: !existsSync('/usr/share/containers/seccomp.json') }, () => {
    const profile = importProfile(readFileSync('/usr/share/containers/seccomp.json'), 'podman', { host });
    const warnings = (read: Profile) =>
      lint(read)
        .filter(({ severity, code }) => severity === 'warning' && code !== 'unknown-syscall')
        .map(({ code, message }) => `${code} ${message.split(':')[0]}`);
    // Podman's profile allows setns before it denies it to containers without CAP_SYS_ADMIN, and
    // denies family 16 with protocol 9 in 64 bits of both.
    const setns = 'unreachable-entry setns';
    assert.deepEqual(warnings(profile), [setns, 'wide-comparison socket', 'wide-comparison socket']);
    const { profile: narrowed } = narrowComparisons(seccompOf(profile), 'SCMP_ARCH_X86_64');
    assert.deepEqual(warnings({ kind: 'Seccomp', seccomp: narrowed }), [setns]);
    const result = (syscall: string, ...args: bigint[]) =>
      evaluate(seccompOf(profile), { architecture: 'SCMP_ARCH_X86_64', syscall, args });
    assert.equal(result('read'), 'SCMP_ACT_ALLOW');
    assert.equal(result('mount'), 'SCMP_ACT_ALLOW');
    assert.equal(result('bpf'), 'SCMP_ACT_ERRNO 1');
    assert.equal(result('socket', 16n, 0n, 9n), 'SCMP_ACT_ERRNO 22');
    assert.equal(result('socket', 16n, 0n, 8n), 'SCMP_ACT_ALLOW');
    assert.equal(result('nothing_known'), 'SCMP_ACT_ERRNO 38');
  });

  const spo = `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata: {name: nginx}
spec:
  state: Enabled
  defaultAction: SCMP_ACT_ERRNO
  architectures: [SCMP_ARCH_NATIVE, SCMP_ARCH_X86_64]
  syscalls:
    - names: [read, write]
      action: SCMP_ACT_ALLOW
      args:
        - {index: 0, value: 9007199254740993, op: SCMP_CMP_EQ}
`;

  it('reads a SeccompProfile of the Security Profiles Operator', () => {
    assert.deepEqual(importProfile(bytes(spo), 'p.yaml'), {
      kind: 'Seccomp',
      name: 'nginx',
      isResource: true,
      seccomp: {
        defaultAction: 'SCMP_ACT_ERRNO',
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [
          {
            names: ['read', 'write'],
            action: 'SCMP_ACT_ALLOW',
            args: [{ index: 0, value: 2n ** 53n + 1n, op: 'SCMP_CMP_EQ' }],
          },
        ],
      },
    });
  });

  it('refuses one that needs another profile or is of another group', () => {
    const based = spo.replace('  state: Enabled', '  baseProfileName: runc-v1.1.5\n  unknown: 1');
    assert.throws(() => importProfile(bytes(based), 'p.yaml'), /^FairleadError: p\.yaml:5:3: spec\.baseProfileName/);
    const foreign = spo.replace('security-profiles-operator', 'other');
    assert.throws(() => importProfile(bytes(foreign), 'p.yaml'), /p\.yaml:1:13: apiVersion/);
    const unknown = importProfile(bytes(spo.replace('  state: Enabled', '  unknown: 1')), 'p.yaml');
    assert.deepEqual(unknown.unknownFields, [{ pointer: '/spec/unknown', position: 'p.yaml:5:3' }]);
  });

  it('refuses an AppArmor profile that is disabled', () => {
    const text = spo.replace('kind: SeccompProfile', 'kind: AppArmorProfile').replace(/spec:[\s\S]*$/, '');
    const disabled = `${text}spec:\n  state: Disabled\n  abstract: {}\n`;
    assert.throws(() => importProfile(bytes(disabled), 'p.yaml'), /p\.yaml:\d+:3: spec: the profile is disabled/);
    assert.equal(importProfile(bytes(disabled.replace('Disabled', 'Enabled')), 'p.yaml').kind, 'AppArmor');
  });

  it('reads a condition without a value as one with 0, as SPO writes it', () => {
    const condition = (text: string) => {
      const profile = importProfile(bytes(spo.replace(/\{[^}]*op:[^}]*\}/, text)), 'p.yaml');
      return 'seccomp' in profile ? profile.seccomp.syscalls?.[0]?.args : undefined;
    };
    assert.deepEqual(condition('{index: 1, op: SCMP_CMP_NE}'), [{ index: 1, value: 0n, op: 'SCMP_CMP_NE' }]);
    const masked = { index: 1, value: 0n, valueTwo: 2n, op: 'SCMP_CMP_MASKED_EQ' };
    assert.deepEqual(condition('{index: 1, valueTwo: 2, op: SCMP_CMP_MASKED_EQ}'), [masked]);
    assert.throws(() => condition('{index: 1, Value: 2, op: SCMP_CMP_NE}'), /"Value" must be written "value"/);
    assert.throws(() => condition('{index: 9, op: SCMP_CMP_NE}'), /spec\.syscalls\[0\]\.args\[0\]\.index: must be/);
  });

  it('reads an errno of 0 as none, as SPO leaves it out', () => {
    const rule = (text: string) => {
      const entry = `- {names: [reboot], action: SCMP_ACT_ERRNO, ${text}}`;
      const profile = importProfile(bytes(spo.replace(/syscalls:[\s\S]*$/, `syscalls:\n    ${entry}\n`)), 'p.yaml');
      return 'seccomp' in profile ? profile.seccomp.syscalls?.[0] : undefined;
    };
    const denied = { names: ['reboot'], action: 'SCMP_ACT_ERRNO' };
    assert.deepEqual(rule('errnoRet: 0'), denied);
    assert.deepEqual(rule('errnoRet: 2'), { ...denied, errnoRet: 2 });
    const args = [{ index: 0, value: 0n, op: 'SCMP_CMP_EQ' }];
    assert.deepEqual(rule('errnoRet: 0, args: [{index: 0, op: SCMP_CMP_EQ}]'), { ...denied, args });
    const runtime =
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":0}]}';
    const profile = importProfile(bytes(runtime), 'p.json');
    assert.equal('seccomp' in profile && profile.seccomp.syscalls?.[0]?.errnoRet, 0);
  });

  it('says which formats it tried', () => {
    assert.throws(
      () => importProfile(bytes('kind: Pod\n'), 'pod.yaml'),
      /tried runtime-spec seccomp .*Docker and Podman.*Security Profiles Operator/,
    );
  });

  it('reads every kind of resource, each under its name', () => {
    const kindOf = (kind: string, spec: string) =>
      importProfile(
        bytes(
          `apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: ${kind}\nmetadata: {name: app}\nspec: ${spec}\n`,
        ),
        'p.yaml',
      );
    const profiles = [
      kindOf('SeccompProfile', '{defaultAction: SCMP_ACT_LOG}'),
      kindOf('AppArmorProfile', '{mode: Complain, abstract: {network: {}}}'),
      kindOf('SelinuxProfile', '{}'),
      kindOf('RawSelinuxProfile', '{policy: (blockinherit container)}'),
    ];
    assert.deepEqual(
      profiles.map(({ kind, name }) => [kind, name]),
      [
        ['Seccomp', 'app'],
        ['AppArmor', 'app'],
        ['SELinux', 'app'],
        ['RawSELinux', 'app'],
      ],
    );
    const [, armor] = profiles;
    assert.equal(armor?.kind === 'AppArmor' && armor.apparmor.mode, 'Complain');
    assert.throws(
      () => importProfile(bytes('kind: Pod'), 'p.yaml', { format: 'spo' }),
      /p\.yaml:1:7: kind: must be one of/,
    );
  });

  it('reads what runtimes refuse only where it is to be written anew', () => {
    const texts: readonly [string, RegExp, RegExp?][] = [
      ['{"defaultAction":"SCMP_ACT_LOG","comment":1}', /unknown member "\/comment"/],
      ['{"DefaultAction":"SCMP_ACT_LOG"}', /another letter case/],
      ['defaultAction: SCMP_ACT_LOG\n', /p:1:1: not JSON, but runtimes read only JSON/],
      ['{defaultAction: SCMP_ACT_LOG}', /not valid JSON/, /not valid JSON/],
      ['\ufeff{"defaultAction":"SCMP_ACT_LOG"}', /a byte order mark/],
      [
        '{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","Includes":{}}]}',
        /letter case/,
      ],
    ];
    for (const [text, message, still] of texts) {
      assert.throws(() => importProfile(bytes(text), 'p', { host }), { kind: 'ProfileInvalid', message });
      const lenient = () => importProfile(bytes(text), 'p', { host, lenient: true });
      if (still === undefined) assert.equal(seccompOf(lenient()).defaultAction, 'SCMP_ACT_LOG');
      else assert.throws(lenient, still);
    }
    const armor = importProfile(bytes('{"network":{},"ptrace":{}}'), 'p', { lenient: true });
    assert.deepEqual(armor.unknownFields, [{ pointer: '/ptrace', position: 'p:1:15' }]);
  });

  it('refuses a file of another form than was asked for', () => {
    const hint = /fairlead convert --to runtime FILE/;
    for (const text of [docker, spo, '{"kind":"AppArmorProfile"}']) {
      for (const lenient of [false, true]) {
        const read = () => importProfile(bytes(text), 'p', { format: 'runtime', host, lenient });
        assert.throws(read, { kind: 'ProfileInvalid', ...(lenient ? {} : { hint }) });
      }
    }
    assert.throws(() => importProfile(bytes(docker), 'p', { format: 'spo', host }), /kind: must be one of/);
  });

  it('refuses resources with members in another letter case, or twice', () => {
    const of = (kind: string, spec: string, root = '') =>
      `apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: ${kind}\n${root}metadata: {name: a}\nspec: ${spec}\n`;
    const texts = [
      of('SeccompProfile', '{DefaultAction: SCMP_ACT_LOG}'),
      of('SeccompProfile', '{defaultAction: SCMP_ACT_LOG, BaseProfileName: runc}'),
      of('SeccompProfile', '{defaultAction: SCMP_ACT_LOG}', 'Spec: {}\n'),
      of('SeccompProfile', '{defaultAction: SCMP_ACT_LOG, syscalls: [{names: [a], Action: SCMP_ACT_LOG}]}'),
      of('AppArmorProfile', '{abstract: {}, Mode: Complain}'),
      of('AppArmorProfile', '{abstract: {network: {AllowRaw: true}}}'),
      of('SelinuxProfile', '{Mode: Permissive}'),
      of('SelinuxProfile', '{inherit: [{name: container, Kind: System}]}'),
      of('RawSelinuxProfile', '{policy: (blockinherit container), State: Disabled}'),
    ];
    for (const text of texts) {
      assert.throws(
        () => importProfile(bytes(text), 'p.yaml'),
        { kind: 'ProfileInvalid', message: /must be written/ },
        text,
      );
    }
    const twice = of('SeccompProfile', '{defaultAction: SCMP_ACT_LOG, DefaultAction: SCMP_ACT_ALLOW}');
    assert.throws(() => importProfile(bytes(twice), 'p.yaml'), { message: /repeats "defaultAction"/ });
    // Names that the author chooses are not of the format.
    const selinux = of('SelinuxProfile', '{allow: {var_log_t: {dir: [read]}, VAR_LOG_T: {dir: [read]}}}');
    assert.equal(importProfile(bytes(selinux), 'p.yaml').kind, 'SELinux');
  });

  it('says that there is nothing to read', () => {
    for (const text of ['', ' \n\t\r\n']) {
      assert.throws(() => importProfile(new TextEncoder().encode(text), 'p.json'), {
        kind: 'ProfileInvalid',
        message: 'p.json: the file is empty',
      });
    }
  });
});
