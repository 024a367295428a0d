import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { evaluate, rank } from '#test/oracle/seccomp-evaluate';
import { capabilities as capabilityNames } from '../apparmor/vocabulary.ts';
import { effectiveAsWritten } from './effective-profile.ts';
import type { SeccompProfile } from './model.ts';
import type { ProfileHost } from './read/resolve-docker.ts';
import { runtimeDefault } from './runtime-default.ts';
import { machineArchitectures, nativeArchitecture } from './tables/architecture.ts';
import { containerd, v2_1_0 } from './tables/runtime-defaults/containerd.ts';
import { criO } from './tables/runtime-defaults/cri-o.ts';
import { docker } from './tables/runtime-defaults/docker.ts';
import { loadRuntimeDefaults } from './tables/runtime-defaults/load-tables.ts';
import type { RuntimeDefaultTable } from './tables/runtime-defaults/table.ts';
import { defaultCapabilities } from './tables/runtime-identity.ts';

const tables = [...containerd, ...criO, ...docker];
const names = [
  ...new Set(tables.flatMap(({ rules }) => rules.flatMap((rule) => rule.names))),
  'mseal',
  'swapoff',
].sort();

/** Values at which conditions of the tables change their mind. */
const values = [0n, 1n, 2n, 8n, 9n, 10n, 16n, 37n, 38n, 39n, 40n, 41n, 0x11n, 0x2_0000n, 0x2_0008n, 0x200_0011n];
const argument = fc.constantFrom(...values, 0x1000_0011n, 0x7e02_0000n, 0xffff_ffffn, 0x1_0000_0026n, 2n ** 64n - 1n);

const table = fc.constantFrom(...tables);
const host: fc.Arbitrary<ProfileHost> = fc.record({
  architecture: fc.constantFrom(...machineArchitectures),
  kernel: fc.constantFrom('3.10.0-1160.el7.x86_64', '4.7.10', '4.8', '6.1.0-18-amd64', '6.18.3'),
  capabilities: fc.subarray([...capabilityNames].map((name) => `CAP_${name.toUpperCase()}`)),
});
const sockets = [[1n], [2n], [10n], [16n, 3n, 0n], [16n, 3n, 9n], [17n], [38n], [40n]].map((args) => ({
  syscall: 'socket',
  args,
}));
const conditional = ['clone', 'personality', 'socket'];
const call = fc.record({
  syscall: fc.oneof(fc.constantFrom(...conditional), fc.constantFrom(...names)),
  args: fc.array(argument, { minLength: 6, maxLength: 6 }),
});

/** What becomes of a call of a program of the machine itself. */
function resultOf(
  profile: SeccompProfile,
  { architecture }: ProfileHost,
  { syscall, args }: { syscall: string; args: bigint[] },
): string {
  const native = nativeArchitecture(architecture);
  return evaluate(profile, { architecture: native, syscall, args }, native);
}

/** The rules of a table that hold for a container, written apart from the code under test. */
function rulesFor({ rules }: RuntimeDefaultTable, { architecture, kernel, capabilities }: ProfileHost) {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  return rules.filter(({ when = {} }) => {
    const [wantedMajor = 0, wantedMinor = 0] = (when.minKernel ?? '0.0').split('.').map(Number);
    if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) return false;
    if (when.arch !== undefined && !when.arch.includes(architecture)) return false;
    if (when.notArch?.includes(architecture)) return false;
    for (const name of when.allCaps ?? []) if (!capabilities.includes(name)) return false;
    for (const name of when.noneOfCaps ?? []) if (capabilities.includes(name)) return false;
    return true;
  });
}

describe('runtimeDefault', () => {
  it('means what the rules of the table mean in their order', () => {
    fc.assert(
      fc.property(table, host, call, (one, on, made) => {
        const { defaultAction, defaultErrnoRet } = one;
        const written = { defaultAction, defaultErrnoRet, syscalls: rulesFor(one, on) };
        assert.equal(resultOf(runtimeDefault([one], on), on, made), resultOf(written, on, made));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is of several tables nowhere looser than any of them', () => {
    fc.assert(
      fc.property(
        fc.subarray(tables, { minLength: 2 }),
        host,
        fc.array(call, { minLength: 20 }),
        (several, on, calls) => {
          const together = runtimeDefault(several, on);
          const each = several.map((one) => runtimeDefault([one], on));
          for (const made of calls) {
            const strictest = Math.max(...each.map((profile) => rank(resultOf(profile, on, made))));
            assert.ok(rank(resultOf(together, on, made)) >= strictest, `${made.syscall}(${made.args})`);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is of the tables that are taken together no stricter than the strictest', async () => {
    const choices = [
      undefined,
      ...['2.1.10', '1.7.24-1', '2.4.0'].map((version) => ({ name: 'containerd', version }) as const),
    ];
    const others = [
      { name: 'cri-o', version: '1.34.12' },
      { name: 'cri-o', version: '0' },
      { name: 'docker', version: '0' },
    ] as const;
    for (const identity of [...choices, ...others]) {
      const { tables: several } = await loadRuntimeDefaults(identity);
      for (const architecture of ['amd64', 'arm64', 'riscv64', 's390x'] as const) {
        for (const capabilities of [[], defaultCapabilities(identity?.name), ['CAP_AUDIT_WRITE'], ['ALL']]) {
          const on = { architecture, kernel: '6.1', capabilities };
          const together = runtimeDefault(several, on);
          const each = several.map((one) => runtimeDefault([one], on));
          for (const made of [...names.map((syscall) => ({ syscall, args: [] })), ...sockets]) {
            const strictest = Math.max(...each.map((profile) => rank(resultOf(profile, on, made))));
            const message = `${made.syscall}(${made.args}) of ${identity?.name} ${identity?.version} on ${architecture}`;
            assert.equal(rank(resultOf(together, on, made)), strictest, message);
          }
        }
      }
    }
  });

  it('stays what it is under an artifact that permits everything, on every machine', () => {
    for (const one of tables) {
      for (const architecture of machineArchitectures) {
        for (const capabilities of [[], defaultCapabilities(one.runtime)]) {
          const on = { architecture, kernel: '6.1', capabilities };
          const baseline = runtimeDefault([one], on);
          const artifact: SeccompProfile = {
            defaultAction: 'SCMP_ACT_ALLOW',
            architectures: baseline.architectures ?? [],
          };
          const { profile, constraints } = effectiveAsWritten({ baseline, artifact }, nativeArchitecture(architecture));
          const name = `${one.source} on ${architecture}`;
          assert.deepEqual(
            constraints.filter(({ exact }) => !exact),
            [],
            name,
          );
          for (const made of sockets) {
            assert.equal(resultOf(profile, on, made), resultOf(baseline, on, made), `socket(${made.args}): ${name}`);
          }
        }
      }
    }
  });

  it('never permits more to a container with fewer capabilities, or on an older kernel', () => {
    const fewer = fc.subarray([...capabilityNames].map((name) => `CAP_${name.toUpperCase()}`));
    fc.assert(
      fc.property(table, host, fewer, call, (one, on, dropped, made) => {
        const less = { ...on, capabilities: on.capabilities.filter((name) => !dropped.includes(name)), kernel: '3.10' };
        const [more, left] = [on, less].map((host) => rank(resultOf(runtimeDefault([one], host), host, made)));
        assert.ok((left ?? 0) >= (more ?? 0), `${made.syscall}(${made.args})`);
      }),
      { numRuns: 1_000 },
    );
  });

  it('follows the capabilities, however they are written', () => {
    const mount = (capabilities: readonly string[]) => {
      const on = { architecture: 'amd64', kernel: '6.1', capabilities } as const;
      return resultOf(runtimeDefault([v2_1_0], on), on, { syscall: 'mount', args: [] });
    };
    assert.equal(mount(['CAP_CHOWN']), 'SCMP_ACT_ERRNO 1');
    for (const name of ['CAP_SYS_ADMIN', 'cap_sys_admin', 'sys_admin', 'ALL', 'CAP_ALL']) {
      assert.equal(mount([name]), 'SCMP_ACT_ALLOW', name);
    }
  });

  it('names each call in one unconditional rule, or in conditional ones', () => {
    fc.assert(
      fc.property(table, host, (one, on) => {
        const { syscalls = [] } = runtimeDefault([one], on);
        const free = syscalls.flatMap((rule) => (rule.args === undefined ? rule.names : []));
        const bound = new Set(syscalls.flatMap((rule) => (rule.args === undefined ? [] : rule.names)));
        assert.equal(new Set(free).size, free.length);
        assert.deepEqual(
          free.filter((name) => bound.has(name)),
          [],
        );
        const { defaultAction, defaultErrnoRet } = one;
        assert.ok(
          !syscalls.some(({ action, errnoRet = 1 }) => action === defaultAction && errnoRet === defaultErrnoRet),
        );
      }),
    );
  });

  it('lists the architectures of the machine, its own first', () => {
    const on = { architecture: 'arm64', kernel: '6.1', capabilities: [] } as const;
    for (const one of tables) {
      assert.deepEqual(runtimeDefault([one], on).architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
    }
    assert.deepEqual(runtimeDefault(tables, on).architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
  });
});
