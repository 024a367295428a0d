import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile } from '#test/oracle/seccomp-arbitrary';
import { evaluate, rank } from '#test/oracle/seccomp-evaluate';
import { readProfile } from '../../read-profile.ts';
import type { Box } from '../algebra/box.ts';
import { loadReferenceDefault } from '../call-counts.ts';
import { effectiveSeccomp } from '../effective-profile.ts';
import type { SeccompProfile } from '../model.ts';
import { isKnownSyscall } from '../tables/syscall-names.ts';
import { abilitiesUnder, type Statement } from './abilities.ts';
import { abilities, denials } from './ability-list.ts';

const native = 'SCMP_ARCH_X86_64';
const family = [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
const open: SeccompProfile = { defaultAction: 'SCMP_ACT_ALLOW', architectures: family };
/** What a listener, a tracer or the kernel does not let pass. */
const refusing = rank('SCMP_ACT_ERRNO 1');
let baseline: SeccompProfile;
before(async () => {
  baseline = await loadReferenceDefault();
});

describe('abilitiesUnder', () => {
  it('states of a web server what it can and cannot do', () => {
    const { can, cannot } = abilitiesUnder(example('nginx'), baseline, native);
    assert.deepEqual(can.map(sentence), [
      'Read, write, create, rename and delete files',
      'Open network connections and accept them',
      'Start programs and threads, without new namespaces',
      'Change its user and its groups',
      'Read the clock and wait',
    ]);
    assert.deepEqual(cannot.map(sentence), [
      'Change file modes: fails with EPERM',
      'Trace other processes',
      'Create device files: fails with ENOSYS',
      'Read or write extended attributes',
      'Use System V memory, semaphores or message queues: fails with ENOSYS',
    ]);
  });

  it('names the way round, and states nothing if there are several', () => {
    const cannot = (names: readonly string[], architectures: readonly string[]) => {
      const syscalls = [{ names, action: 'SCMP_ACT_ERRNO' as const }];
      const profile = { defaultAction: 'SCMP_ACT_ALLOW' as const, architectures, syscalls };
      return abilitiesUnder(profile, open, native).cannot.map(sentence);
    };
    const modes = ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'];
    const attributes = ['setxattr', 'lsetxattr', 'fsetxattr', 'setxattrat'];
    const ring = 'io_uring_setup';
    assert.deepEqual(cannot([...modes, ...attributes, ring], family), ['Change file modes: fails with EPERM']);
    assert.deepEqual(cannot([...modes, ring], family), [
      'Change file modes, except through POSIX ACLs: fails with EPERM',
    ]);
    assert.deepEqual(cannot(modes, family), []);
    assert.deepEqual(cannot(['socketcall'], family), []);
    // The rule for socketcall decides alone, whatever the profile states about socket.
    const allowed = [{ names: ['socketcall'], action: 'SCMP_ACT_ALLOW' as const }];
    const profile = { defaultAction: 'SCMP_ACT_ERRNO' as const, architectures: family, syscalls: allowed };
    const found = abilitiesUnder(profile, open, native).cannot.map(sentence);
    assert.equal(found[0], 'Create sockets, except in 32-bit programs, by socketcall: fails with EPERM');
    const only64 = { ...profile, architectures: [native] };
    const [first] = abilitiesUnder(only64, open, native).cannot.map(sentence);
    assert.equal(first, 'Create sockets: fails with EPERM');
  });

  it('knows both ways to open a packet socket', () => {
    const cannot = (...types: readonly bigint[]) => {
      const args = [
        { index: 0, op: 'SCMP_CMP_EQ' as const, value: 2n },
        ...types.map((value) => ({ index: 1, op: 'SCMP_CMP_EQ' as const, value })),
      ];
      const socket = { names: ['socket'], action: 'SCMP_ACT_ALLOW' as const, args };
      const others = { names: ['socketpair', 'open', 'clone', 'execve', 'chmod'], action: 'SCMP_ACT_ALLOW' as const };
      const profile = { defaultAction: 'SCMP_ACT_ERRNO' as const, syscalls: [socket, others] };
      const baseline: SeccompProfile = {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: [{ names: ['socket', ...others.names], action: 'SCMP_ACT_ALLOW' }],
      };
      return abilitiesUnder(profile, baseline, native).cannot.map(({ text }) => text);
    };
    assert.ok(cannot(1n).includes('Open packet sockets'));
    // With AF_INET and any type, SOCK_PACKET is among them.
    assert.ok(cannot().includes('Use netlink'));
    assert.ok(!cannot().includes('Open packet sockets'));
  });

  it('states "It cannot" only if every call that does it is refused on every architecture', () => {
    const names = [
      ...new Set(
        denials.flatMap(({ calls, detours = [] }) => {
          return [...calls, ...detours.flatMap((detour) => detour.calls)].map(({ name }) => name);
        }),
      ),
      'socketcall',
      'ipc',
    ];
    const profiles = arbitraryProfile({ names, architectures: [family, [native]], wide: false, rules: 12 });
    let stated = 0;
    const property = fc.property(profiles, fc.infiniteStream(fc.integer({ min: 0, max: 50 })), (profile, values) => {
      const effective = effectiveSeccomp({ baseline: open, artifact: profile }, native).profile;
      const { can, cannot } = abilitiesUnder(profile, open, native);
      const next = (): bigint => BigInt(values.next().value ?? 0);
      for (const { text, exception } of cannot) {
        if (exception !== undefined) continue;
        const denial = denials.find((each) => each.text === text);
        for (const { name, when = [[]] } of [
          ...(denial?.calls ?? []),
          ...(denial?.detours ?? []).flatMap((each) => each.calls),
        ]) {
          for (const architecture of family.filter((each) => isKnownSyscall(name, [each]))) {
            for (const box of when) {
              stated += 1;
              const args = argumentsIn(box, next);
              const result = evaluate(effective, { architecture, syscall: name, args });
              assert.ok(rank(result) >= refusing, `${text}: ${name} on ${architecture}: ${result}`);
            }
          }
        }
      }
      for (const { text, calls } of can) {
        const needs = abilities.find((each) => text.startsWith(each.text))?.needs ?? [];
        for (const part of needs) {
          const passes = part.some(({ name, when }) => {
            const args = argumentsIn(when?.[0] ?? [], next);
            const result = evaluate(effective, { architecture: native, syscall: name, args });
            return calls.includes(name) && rank(result) <= rank('SCMP_ACT_LOG');
          });
          assert.ok(passes, `${text}: ${part.map(({ name }) => name)}`);
        }
      }
    });
    fc.assert(property, { numRuns: 150 });
    assert.ok(stated > 500, `${stated}`);
  });
});

function argumentsIn(box: Box, next: () => bigint): readonly bigint[] {
  const args = Array.from({ length: 6 }, next);
  for (const { index, set } of box) args[index] = 'low' in set ? set.low : set.value;
  return args;
}

function sentence({ text, exception, outcome }: Statement): string {
  return `${text}${exception === undefined ? '' : `, ${exception}`}${outcome === undefined ? '' : `: ${outcome}`}`;
}

function example(name: string): SeccompProfile {
  const profile = readProfile(readFileSync(new URL(`../../../../examples/${name}.json`, import.meta.url)));
  assert(profile.kind === 'Seccomp');
  return profile.seccomp;
}
