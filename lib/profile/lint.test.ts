import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { usualDefault } from '#test/support/runtime-default';
import { convertProfile } from './convert-profile.ts';
import { importProfile } from './import-profile.ts';
import { lint } from './lint.ts';
import type { Profile } from './profile.ts';
import { readProfile } from './read-profile.ts';
import { nativeArchitecture } from './seccomp/tables/architecture.ts';
import { narrowComparisons } from './seccomp/write/narrow-comparisons.ts';

const examples = new URL('../../examples/', import.meta.url);

function codes(profile: object): readonly string[] {
  const found = lint(readProfile(new TextEncoder().encode(JSON.stringify(profile))));
  return found.map(({ code, pointer }) => `${code} ${pointer}`);
}

const denyMount = { names: ['mount'], action: 'SCMP_ACT_ERRNO' };

describe('lint', () => {
  it('warns of nothing in the examples and in RuntimeDefault', () => {
    for (const name of readdirSync(examples).filter((file) => /\.(?:json|yaml)$/.test(file))) {
      const profile = importProfile(readFileSync(new URL(name, examples)), name);
      const warnings = lint(profile).filter(({ severity }) => severity === 'warning');
      // Each is for one runtime alone.
      const expected = name.startsWith('base-') ? ['missing-runtime-syscalls'] : [];
      assert.deepEqual(
        warnings.map(({ code }) => code),
        expected,
        name,
      );
    }
    for (const architecture of ['amd64', 'arm64', 's390x'] as const) {
      const open = usualDefault({ architecture, capabilities: ['ALL'] });
      const findings = lint({ kind: 'Seccomp', seccomp: open });
      assert.deepEqual(
        findings.map(({ code, message }) => `${code} ${message.split(':')[0]}`),
        ['wide-comparison socket'],
      );
      const { profile: seccomp } = narrowComparisons(open, nativeArchitecture(architecture));
      assert.deepEqual(lint({ kind: 'Seccomp', seccomp }), []);
    }
  });

  it('tells of names that no listed architecture has', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
      syscalls: [{ names: ['openatt', 'mount'], action: 'SCMP_ACT_ERRNO' }],
    };
    const [finding] = lint(readProfile(new TextEncoder().encode(JSON.stringify(profile))));
    assert.equal(finding?.code, 'unknown-syscall');
    assert.equal(finding.pointer, '/syscalls/0/names/0');
    assert.match(finding.message, /did you mean openat\?/);
    assert.deepEqual(
      codes({ ...profile, architectures: ['SCMP_ARCH_AARCH64'], syscalls: [{ ...denyMount, names: ['open'] }] }),
      ['missing-architecture /architectures', 'unknown-syscall /syscalls/0/names/0'],
    );
  });

  it('tells of profiles that confine nothing, or too much to start', () => {
    assert.deepEqual(codes({ defaultAction: 'SCMP_ACT_LOG' }), ['allow-everything /defaultAction']);
    assert.deepEqual(
      codes({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] }),
      ['missing-runtime-syscalls /syscalls'],
    );
  });

  it('tells of fields that a custom resource does not have, which Kubernetes prunes', () => {
    const text =
      'apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nspec: {archMap: [], defaultAction: SCMP_ACT_ERRNO}\n';
    const [first] = lint(importProfile(new TextEncoder().encode(text), 'p.yaml'));
    assert.deepEqual([first?.code, first?.pointer], ['unknown-field', '/spec/archMap']);
    assert.ok(
      lint(importProfile(new TextEncoder().encode(text), 'p.yaml')).some(({ code }) => code === 'resource-form'),
    );
  });

  it('tells what publishing would refuse', () => {
    const docker = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ ...denyMount, includes: { caps: ['CAP_BPF'] } }] };
    const host = { architecture: 'amd64', kernel: '6.1', capabilities: ['CAP_BPF'] } as const;
    const [form] = lint(importProfile(new TextEncoder().encode(JSON.stringify(docker)), 'p', { host }));
    assert.equal(form?.code, 'docker-form');
    assert.match(
      form?.message ?? '',
      /as resolved for one container; to publish it: fairlead convert --to runtime FILE/,
    );
    const notify = { ...denyMount, action: 'SCMP_ACT_NOTIFY' };
    assert.deepEqual(codes({ defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/run/x', syscalls: [notify] }), [
      'not-publishable /listenerPath',
      'not-publishable /syscalls/0/action',
    ]);
  });

  it('tells nothing of what the conversion leaves out that a profile needs anyway', () => {
    const seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      defaultErrnoRet: 1,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86_64'],
      syscalls: [{ ...denyMount, action: 'SCMP_ACT_KILL', errnoRet: 1 }],
    };
    const [entry] = seccomp.syscalls;
    const forms = [
      { kind: 'SeccompProfile', apiVersion: 'security-profiles-operator.x-k8s.io/v1', spec: seccomp },
      { ...seccomp, syscalls: [{ ...entry, includes: { caps: ['CAP_BPF'] } }] },
    ];
    const host = { architecture: 'amd64', kernel: '6.1', capabilities: ['CAP_BPF'] } as const;
    const isRefused = (profile: Profile) => lint(profile).some(({ code }) => code === 'not-publishable');
    for (const form of forms) {
      const profile = importProfile(Buffer.from(JSON.stringify(form)), 'p', { host });
      const runtime = readProfile(Buffer.from(convertProfile(profile, 'runtime', 'p')));
      assert.deepEqual([isRefused(profile), isRefused(runtime)], [false, false]);
    }
    assert.ok(isRefused(readProfile(Buffer.from(JSON.stringify(seccomp)))));
  });

  it('points at the entries as they are written, whatever the conversion makes of others', () => {
    const syscalls = [
      { names: ['mremap', 'read'], action: 'SCMP_ACT_ALLOW' },
      { names: ['mremap', 'write'], action: 'SCMP_ACT_LOG' },
      { names: ['bpf'], action: 'SCMP_ACT_NOTIFY' },
    ];
    const spec = { defaultAction: 'SCMP_ACT_ERRNO', syscalls };
    const resource = { kind: 'SeccompProfile', apiVersion: 'security-profiles-operator.x-k8s.io/v1', spec };
    const found = lint(importProfile(Buffer.from(JSON.stringify(resource)), 'p', { places: true }));
    assert.deepEqual(
      found.filter(({ code }) => code === 'not-publishable').map(({ pointer, place }) => [pointer, place?.pointer]),
      [['/syscalls/2/action', '/spec/syscalls/2/action']],
    );
  });

  it('tells of a resource of which the conversion makes nothing, or too much, to be published', () => {
    const resource = (kind: string, spec: object) =>
      lint(
        importProfile(
          Buffer.from(JSON.stringify({ kind, apiVersion: 'security-profiles-operator.x-k8s.io/v1', spec })),
          'p',
        ),
      ).filter(({ code }) => /publishable|form/.test(code));
    const complain = resource('AppArmorProfile', { complainMode: true, abstract: {} });
    assert.deepEqual(
      complain.map(({ code, severity }) => [code, severity]),
      [['no-runtime-form', 'info']],
    );
    assert.match(complain[0]?.message ?? '', /cannot be published: .*complain mode/);
    const syscalls = Array.from({ length: 12_000 }, (_, index) => ({
      names: [`c${index % 400}`],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: index, op: 'SCMP_CMP_EQ' }],
    }));
    const [form, large] = resource('SeccompProfile', { defaultAction: 'SCMP_ACT_ERRNO', syscalls });
    assert.deepEqual([form?.code, large?.code], ['resource-form', 'not-publishable']);
    assert.match(large?.message ?? '', /the profile has \d+ bytes, more than 1048576/);
  });

  it('tells of entries without effect', () => {
    const withArgs = { ...denyMount, args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] };
    assert.deepEqual(
      codes({
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['bpf'], action: 'SCMP_ACT_ALLOW' }, denyMount, denyMount, withArgs],
      }),
      [
        'entry-equals-default /syscalls/0',
        'duplicate-entry /syscalls/2/names/0',
        'unreachable-entry /syscalls/3/names/0',
      ],
    );
    const never = { ...denyMount, args: [{ index: 0, value: 0, op: 'SCMP_CMP_LT' }] };
    assert.deepEqual(codes({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [never] }), [
      'allow-everything /defaultAction',
      'never-matches /syscalls/0/args/0',
    ]);
  });

  it('tells of conditions of which the outcome is not sure', () => {
    const when = (action: string, op: string, value: number) => ({
      names: ['mremap'],
      action,
      args: [{ index: 0, value, op }],
    });
    const profile = (...syscalls: object[]) => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
    assert.deepEqual(codes(profile(when('SCMP_ACT_ERRNO', 'SCMP_CMP_GE', 4), when('SCMP_ACT_LOG', 'SCMP_CMP_EQ', 5))), [
      'not-publishable /syscalls/1',
      'overlapping-actions /syscalls/0',
    ]);
    assert.deepEqual(
      codes(profile(when('SCMP_ACT_ERRNO', 'SCMP_CMP_LT', 4), when('SCMP_ACT_ERRNO', 'SCMP_CMP_LT', 2 ** 40))),
      ['unreliable-comparison /syscalls/0'],
    );
    assert.deepEqual(
      codes(profile(when('SCMP_ACT_ERRNO', 'SCMP_CMP_GE', 4), when('SCMP_ACT_ERRNO', 'SCMP_CMP_EQ', 1))),
      [],
    );
  });

  it('tells of conditions that upper bits evade, with a call and what to write', () => {
    const wide = (profile: object) =>
      lint(readProfile(new TextEncoder().encode(JSON.stringify(profile))))
        .filter(({ code }) => code === 'wide-comparison')
        .map(({ pointer, message }) => `${pointer} ${message}`);
    const when = (names: string[], action: string, ...args: readonly (readonly [number, string, number])[]) => ({
      names,
      action: `SCMP_ACT_${action}`,
      args: args.map(([index, op, value]) => ({ index, op: `SCMP_CMP_${op}`, value })),
    });
    const permissive = (...syscalls: object[]) => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
    const denying = (...syscalls: object[]) => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });
    const narrow = 'fairlead convert --narrow-comparisons';
    assert.deepEqual(
      wide(
        permissive(when(['socket', 'socketpair'], 'ERRNO', [0, 'EQ', 38]), when(['ioctl'], 'KILL', [1, 'EQ', 0x5412])),
      ),
      [
        '/syscalls/0/args/0 socket, socketpair: socket(0x100000026) gets SCMP_ACT_ALLOW, and the kernel, which takes 32 ' +
          'bits of argument 0, makes it socket(0x26), which gets SCMP_ACT_ERRNO(1): compare 32 bits by ' +
          `SCMP_CMP_MASKED_EQ with value 4294967295 and valueTwo 38, as ${narrow} does`,
        '/syscalls/1/args/0 ioctl: ioctl(*, 0x100005412) gets SCMP_ACT_ALLOW, and the kernel, which takes 32 bits of ' +
          'argument 1, makes it ioctl(*, 0x5412), which gets SCMP_ACT_KILL_THREAD: compare 32 bits by ' +
          `SCMP_CMP_MASKED_EQ with value 4294967295 and valueTwo 21522, as ${narrow} does`,
      ],
    );
    assert.deepEqual(
      wide(
        denying(
          when(['socket'], 'ALLOW', [0, 'LT', 38]),
          when(['socket'], 'ALLOW', [0, 'EQ', 39]),
          when(['socket'], 'ALLOW', [0, 'GT', 40]),
        ),
      ),
      [
        '/syscalls/2/args/0 socket: socket(0x100000028) gets SCMP_ACT_ALLOW, and the kernel, which takes 32 bits of ' +
          `argument 0, makes it socket(0x28), which gets SCMP_ACT_ERRNO(1): ${narrow} writes comparisons of 32 bits`,
      ],
    );
    const several = denying(
      { ...when(['socket'], 'ERRNO', [0, 'EQ', 16], [2, 'EQ', 9]), errnoRet: 22 },
      when(['socket'], 'ALLOW', [0, 'NE', 16]),
      when(['socket'], 'ALLOW', [2, 'NE', 9]),
    );
    assert.match(wide(several)[0] ?? '', /socket\(0x100000010, \*, 0x9\) gets SCMP_ACT_ALLOW/);
    // The conditions of different entries let it through together, and no value of one by itself.
    const together = permissive(
      when(['socket'], 'ERRNO', [0, 'GT', 4], [1, 'EQ', 2]),
      when(['socket'], 'KILL', [0, 'EQ', 3]),
    );
    assert.match(wide(together).join(), /socket\(0x100000003\) gets SCMP_ACT_ALLOW/);
    for (const silent of [
      // Values that are denied although the kernel would take them for permitted ones are no hole.
      denying(when(['socket'], 'ALLOW', [0, 'EQ', 2]), when(['personality'], 'ALLOW', [0, 'LE', 8])),
      // The kernel takes 64 bits of these.
      permissive(when(['mount'], 'ERRNO', [3, 'EQ', 4096]), when(['prctl'], 'ERRNO', [1, 'EQ', 1])),
      permissive({
        ...when(['socket'], 'ERRNO'),
        args: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: 2 ** 32 - 1, valueTwo: 38 }],
      }),
      // Comparisons of 32-bit architectures have 32 bits.
      { ...permissive(when(['socket'], 'ERRNO', [0, 'EQ', 38])), architectures: ['SCMP_ARCH_ARM'] },
      permissive(when(['socket'], 'ERRNO'), when(['socket'], 'KILL', [0, 'EQ', 38])),
    ]) {
      assert.deepEqual(wide(silent), []);
    }
  });

  it('tells of conditions over which a container may not start in time', () => {
    const entry = (...conditions: readonly (readonly [number, string, number])[]) => ({
      names: ['getpgid'],
      action: 'SCMP_ACT_ERRNO',
      args: conditions.map(([index, op, value]) => ({ index, value, valueTwo: 0, op: `SCMP_CMP_${op}` })),
    });
    const slow = (...syscalls: object[]) =>
      codes({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }).filter((each) => each.startsWith('slow-to-load'));
    const sharing = [entry([2, 'GE', 5], [3, 'EQ', 1]), entry([4, 'EQ', 2], [2, 'GE', 5])];
    assert.deepEqual(slow(...sharing), ['slow-to-load /syscalls/1']);
    // What stands before an entry without conditions is loaded all the same, what follows it is
    // not.
    assert.deepEqual(slow(...sharing, entry()), ['slow-to-load /syscalls/1']);
    assert.deepEqual(slow(entry(), ...sharing), []);
    assert.deepEqual(slow(entry([2, 'GE', 5], [3, 'EQ', 1]), entry([2, 'GE', 5], [3, 'EQ', 1], [4, 'EQ', 1])), []);
    assert.deepEqual(slow(entry([2, 'EQ', 5], [3, 'EQ', 1]), entry([2, 'EQ', 5], [4, 'EQ', 2])), []);
    const mixed = [0, 1, 2].flatMap((value) => [entry([5, 'EQ', value]), entry([1, 'EQ', value], [2, 'EQ', 9])]);
    assert.deepEqual(slow(...mixed), ['slow-to-load /syscalls/5']);
    assert.deepEqual(slow(...mixed.slice(1)), []);
    const many = Array.from({ length: 60 }, (_, value) => value);
    assert.deepEqual(slow(...many.map((value) => entry([value % 6, 'GE', value]))), []);
    assert.deepEqual(slow(...many.map((value) => entry([0, 'EQ', value], [3, 'EQ', 1]))), []);
  });
});
