import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { effectiveAsWritten } from '#lib/profile/seccomp/effective-profile';
import type { SeccompArg, SeccompProfile } from '#lib/profile/seccomp/model';
import { isOnArchitecture, syscallNames } from '#lib/profile/seccomp/tables/syscall-names';
import { usualDefault } from '#test/support/runtime-default';
import { randomFrom } from '../../fuzz/mutate.ts';
import { checkIntersection } from '../../oracle/check-merge.ts';
import type { LibseccompVersion } from '../../oracle/load-profile.ts';
import { Libseccomp, nativeArchitecture, tokens } from '../../oracle/load-profile.ts';
import {
  type Merge,
  MergeCounts,
  mergeAndCheck,
  mergeProperty,
  type Rewriting,
  rewritingProperty,
} from '../../oracle/merge-property.ts';
import { profilePair } from '../../oracle/seccomp-pairs.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { triesAll } from '../../support/some-of.ts';

const versions: readonly LibseccompVersion[] = ['2.5', '2.6'];
const merges: readonly Merge[] = ['intersection', 'union', 'log mode'];
const rewritings: readonly Rewriting[] = ['narrowed', 'minimized'];
/**
 * The number of pairs that are merged in each way for each version: with this seed, and with one of
 * the day.
 */
const pairs = triesAll ? 200 : 30;
const fixedSeed = 20_261;

const [allow, deny] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO'] as const;
const when = (index: number, op: SeccompArg['op'], value: bigint): SeccompArg => ({ index, value, op });

/** Profiles with which merges went wrong once. */
const cases: Readonly<Record<string, readonly [SeccompProfile, ...SeccompProfile[]]>> = {
  'architectures of one only': [{ defaultAction: allow }, { defaultAction: allow, architectures: ['SCMP_ARCH_X86'] }],
  'a condition on a socket call beside none, and other architectures': [
    {
      defaultAction: 'SCMP_ACT_KILL_THREAD',
      architectures: ['SCMP_ARCH_X86'],
      syscalls: [{ names: ['setsockopt'], action: allow }],
    },
    {
      defaultAction: 'SCMP_ACT_TRACE',
      syscalls: [{ names: ['setsockopt'], action: 'SCMP_ACT_LOG', args: [when(0, 'SCMP_CMP_EQ', 0n)] }],
    },
  ],
  'conditions on different arguments that both always hold': [
    { defaultAction: deny },
    {
      defaultAction: deny,
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_KILL_PROCESS', args: [when(0, 'SCMP_CMP_GE', 0n)] },
        { names: ['read'], action: allow, args: [when(1, 'SCMP_CMP_GE', 0n)] },
      ],
    },
  ],
  'rules that 32-bit programs would lose': [
    {
      defaultAction: allow,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      syscalls: [{ names: ['setsockopt'], action: deny, errnoRet: 99, args: [when(1, 'SCMP_CMP_EQ', 41n)] }],
    },
  ],
  'a call that 32-bit programs reach through ipc only': [
    {
      defaultAction: allow,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [{ names: ['semtimedop'], action: deny }],
    },
  ],
  'conditions on one argument of a socket call, with an action for either': [
    {
      defaultAction: 'SCMP_ACT_LOG',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [{ names: ['socket'], action: allow, args: [when(0, 'SCMP_CMP_EQ', 2n)] }],
    },
    {
      defaultAction: deny,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [{ names: ['socket'], action: allow }],
    },
  ],
  // libseccomp uses the comparison with the 1 of semop behind that of the level, too, and permits
  // socketcall(14, 1, …).
  'a condition on a socket call beside calls of ipc': [
    {
      defaultAction: deny,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        { names: ['setsockopt'], action: 'SCMP_ACT_KILL_PROCESS', args: [when(1, 'SCMP_CMP_EQ', 41n)] },
        { names: ['socket', 'semop', 'semget', 'semtimedop', 'shmat', 'exit'], action: allow },
      ],
    },
  ],
  // 32-bit programs have no upper bits: for them the first entry has no conditions either, and
  // decides alone.
  'a condition on upper bits of a multiplexer, beside an entry without any': [
    {
      defaultAction: 'SCMP_ACT_TRAP',
      architectures: ['SCMP_ARCH_X86'],
      syscalls: [
        {
          names: ['socketcall'],
          action: 'SCMP_ACT_NOTIFY',
          args: [{ index: 0, value: 0xffff_ffff_0000_0000n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' }],
        },
        { names: ['socketcall'], action: 'SCMP_ACT_KILL_PROCESS' },
      ],
    },
    {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [{ names: ['socket'], action: 'SCMP_ACT_TRACE', args: [when(0, 'SCMP_CMP_NE', 0n)] }],
    },
  ],
  'the same, for a call that is made through one': [
    {
      defaultAction: 'SCMP_ACT_TRAP',
      architectures: ['SCMP_ARCH_X86'],
      syscalls: [
        {
          names: ['socket'],
          action: 'SCMP_ACT_LOG',
          args: [{ index: 1, value: 0xffff_ffff_0000_0000n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' }],
        },
        { names: ['socket'], action: 'SCMP_ACT_KILL_PROCESS' },
      ],
    },
    {
      defaultAction: 'SCMP_ACT_KILL_THREAD',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [{ names: ['socket'], action: allow, args: [when(0, 'SCMP_CMP_EQ', 2n)] }],
    },
  ],
  // The result has no condition on socketcall, to which libseccomp adds the rule for socket.
  'conditions on a multiplexer that become too many, beside a rule for a call that is made through it': [
    {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_MIPSEL'],
      syscalls: [{ names: ['socket', 'socketcall'], action: 'SCMP_ACT_NOTIFY', args: [when(0, 'SCMP_CMP_EQ', 0n)] }],
    },
    {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      syscalls: [
        {
          names: ['socketcall'],
          action: 'SCMP_ACT_TRACE',
          args: [when(0, 'SCMP_CMP_NE', 0x1_0000_0005n), when(0, 'SCMP_CMP_NE', 0n)],
        },
      ],
    },
  ],
};

describePeers(['cc', 'seccomp.h', 'libseccomp-2.6'], 'a merged profile that libseccomp loaded', () => {
  let directory: string;
  let libseccomps: Readonly<Record<LibseccompVersion, Libseccomp>>;
  before(() => {
    directory = temporaryFolder('libseccomp');
    libseccomps = { '2.5': Libseccomp.start(directory, '2.5'), '2.6': Libseccomp.start(directory, '2.6') };
  });
  after(async () => {
    await Promise.all(Object.values(libseccomps).map((libseccomp) => libseccomp.stop()));
    rmSync(directory, { recursive: true, force: true });
  });

  for (const version of versions) {
    describe(`libseccomp ${version}`, () => {
      it('is the version that it is called', async () => {
        assert.match(await libseccomps[version].version(), new RegExp(`^${version.replace('.', '\\.')}\\.`));
      });

      for (const merge of merges) {
        const anew = Date.now() % 2 ** 31;
        for (const seed of merge === 'log mode' ? [anew] : [fixedSeed, anew]) {
          const day = seed === fixedSeed ? '' : ', anew each time';
          it(`${merge === 'union' ? 'is never stricter' : 'is never looser'}: ${merge}, of pairs${day}`, async (test) => {
            const counts = new MergeCounts();
            const property = mergeProperty(merge, libseccomps, counts, [version]);
            await fc.assert(property, { seed, numRuns: pairs, interruptAfterTimeLimit: 60_000 });
            test.diagnostic(`seed ${seed}: ${counts}`);
          });
        }

        for (const [name, inputs] of Object.entries(cases)) {
          it(`keeps the promise of ${merge}: ${name}`, async () => {
            for (const runtime of ['runc', 'crun'] as const) {
              const report = await mergeAndCheck(merge, inputs, {
                libseccomp: libseccomps[version],
                runtime,
                seed: fixedSeed,
              });
              assert.deepEqual(report.faults.slice(0, 3), []);
              assert.deepEqual(report.withoutRules, []);
            }
          });
        }
      }

      it('is never looser than the runtime default, nor than the profile under it', async () => {
        const baselines = [
          usualDefault({ architecture: 'amd64', capabilities: [] }),
          usualDefault({ architecture: 'amd64', capabilities: ['CAP_SYS_ADMIN', 'CAP_PERFMON'] }),
        ];
        const random = randomFrom(fixedSeed);
        for (const [artifact] of fc.sample(profilePair, { seed: fixedSeed, numRuns: 10 })) {
          const baseline = baselines[random(baselines.length)];
          assert.ok(baseline);
          const { profile } = effectiveAsWritten({ baseline, artifact }, nativeArchitecture);
          const { faults } = await checkIntersection([baseline, artifact], profile, {
            libseccomp: libseccomps[version],
            runtime: 'runc',
            random,
          });
          assert.deepEqual(faults.slice(0, 1), []);
        }
      });
    });
  }

  for (const rewriting of rewritings) {
    for (const seed of [fixedSeed, Date.now() % 2 ** 31]) {
      it(`means the same as a ${rewriting} one does${seed === fixedSeed ? '' : ', anew each time'}`, async (test) => {
        const counts = new MergeCounts();
        const property = rewritingProperty(rewriting, libseccomps, counts);
        await fc.assert(property, { seed, numRuns: pairs, interruptAfterTimeLimit: 60_000 });
        test.diagnostic(`seed ${seed}: ${counts}`);
        assert.ok(counts.pairs > pairs / 3, String(counts));
      });
    }
  }

  for (const version of versions) {
    it(`has names of which libseccomp ${version} knows the numbers, if they are treated as certain`, async () => {
      for (const architecture of tokens.keys()) {
        const table = await libseccomps[version].table(architecture);
        if (table.size === 0) continue;
        const certain = [...syscallNames()].filter((name) => isOnArchitecture(name, architecture));
        assert.deepEqual(
          certain.filter((name) => !table.has(name)),
          [],
          architecture,
        );
      }
    });
  }
});
