import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompArg, SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { isMultiplexed, membersOf } from '#lib/profile/seccomp/tables/multiplexed-names';
import { unionSeccomp } from '#lib/profile/seccomp/union';
import { alternatives } from '#test/bench/profile-cases';
import { intersectedSyscalls } from '#test/support/intersected-syscalls';

import { usualDefault } from '#test/support/runtime-default';
import { Libseccomp, nativeArchitecture } from '../../oracle/load-profile.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';

/** The kernel takes 4096 instructions, of which some are left to runc. */
const limit = 4096 - 128;
/** One with which some filters come near to it. */
const fixedSeed = 20_262;
const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
const baseline = usualDefault({ architecture: 'amd64', capabilities: ['ALL'] });

const value = fc.oneof(
  fc.bigInt({ min: 0n, max: 63n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  // Masks of leading bits of the low half.
  fc.integer({ min: 0, max: 31 }).map((zeros) => 2n ** 32n - 2n ** BigInt(zeros)),
);
const arg: fc.Arbitrary<SeccompArg> = fc.record({
  index: fc.constantFrom(0, 1, 2),
  value,
  valueTwo: value,
  op: fc.constantFrom('SCMP_CMP_EQ', 'SCMP_CMP_NE', 'SCMP_CMP_MASKED_EQ', 'SCMP_CMP_GE'),
});
const rules: fc.Arbitrary<readonly SeccompRule[]> = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom('ioctl', 'openat', 'prctl', 'kill', 'fcntl', 'mmap'), { minLength: 1 }),
    fc.array(fc.uniqueArray(arg, { selector: ({ index }) => index, minLength: 1, maxLength: 2 }), { maxLength: 160 }),
  )
  .map(([names, conditions]) =>
    names.flatMap((name) => conditions.map((args) => ({ names: [name], action: 'SCMP_ACT_ALLOW' as const, args }))),
  );

describePeers(['cc', 'seccomp.h'], 'the filter of an intersection', () => {
  let directory: string;
  let libseccomp: Libseccomp;
  before(() => {
    directory = temporaryFolder('filter-size');
    libseccomp = Libseccomp.start(directory);
  });
  after(async () => {
    await libseccomp.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const seed of [fixedSeed, Date.now() % 2 ** 31]) {
    it(`fits into the kernel, for any number of conditions${seed === fixedSeed ? '' : ', anew each time'}`, async () => {
      let largest = 0;
      const names = baseline.syscalls?.find(({ args }) => args === undefined)?.names ?? [];
      const property = fc.asyncProperty(rules, async (conditional) => {
        const named = new Set(conditional.flatMap((rule) => rule.names));
        const others = { names: names.filter((name) => !named.has(name)), action: 'SCMP_ACT_ALLOW' } as const;
        const syscalls = [...conditional, others];
        const artifact: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO', architectures, syscalls };
        const loaded = await libseccomp.load(intersect([baseline, artifact], nativeArchitecture).profile);
        assert.ok(!('error' in loaded), JSON.stringify(loaded));
        largest = Math.max(largest, loaded.filter.codes.length);
        assert.ok(loaded.filter.codes.length <= limit, `${loaded.filter.codes.length} instructions`);
      });
      await fc.assert(property, { numRuns: 60, seed });
      if (seed === fixedSeed) assert.ok(largest > limit / 2, `the largest has ${largest} instructions`);
    });
  }

  it('fits into the kernel where an entry that excludes a number becomes many that compare four arguments', async () => {
    const names = baseline.syscalls?.find(({ args }) => args === undefined)?.names ?? [];
    const others: SeccompRule = {
      names: names.filter((name) => name !== 'getpriority'),
      action: 'SCMP_ACT_ALLOW',
    };
    const excluding: SeccompArg[] = [
      { index: 5, value: 2n ** 33n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' },
      { index: 0, value: 2n ** 32n - 1n, op: 'SCMP_CMP_NE' },
    ];
    const comparing: SeccompArg[] = [
      { index: 0, value: 17_813_767_290_001_603_538n, op: 'SCMP_CMP_GE' },
      { index: 1, value: 1n, valueTwo: 1n, op: 'SCMP_CMP_MASKED_EQ' },
      { index: 2, value: 3n, op: 'SCMP_CMP_EQ' },
    ];
    const denying = [excluding, comparing].map(
      (args): SeccompRule => ({ names: ['getpriority'], action: 'SCMP_ACT_KILL_THREAD', args }),
    );
    const killing: SeccompProfile = { defaultAction: 'SCMP_ACT_KILL_THREAD', syscalls: [others] };
    const tracing: SeccompProfile = { defaultAction: 'SCMP_ACT_TRACE', syscalls: [...denying, others] };
    const { profile } = unionSeccomp([killing, tracing], nativeArchitecture);
    const loaded = await libseccomp.load(profile);
    assert.ok(!('error' in loaded), JSON.stringify(loaded));
    assert.ok(loaded.filter.codes.length <= limit, `${loaded.filter.codes.length} instructions`);
  });

  it('fits into the kernel where conditions look at upper halves only', async () => {
    const others =
      baseline.syscalls?.find(({ args }) => args === undefined)?.names.filter((name) => name !== 'getsid') ?? [];
    const killing = (...args: SeccompArg[]): SeccompRule => ({
      names: ['getsid'],
      action: 'SCMP_ACT_KILL_THREAD',
      args,
    });
    const allowing: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: [nativeArchitecture],
      syscalls: [
        killing(
          { index: 5, value: 2n ** 32n, valueTwo: 5n, op: 'SCMP_CMP_MASKED_EQ' },
          { index: 5, value: 7_435_581_478_726_812_690n, op: 'SCMP_CMP_GE' },
        ),
        killing({ index: 0, value: 2n ** 32n, op: 'SCMP_CMP_LE' }),
        {
          names: ['getsid'],
          action: 'SCMP_ACT_LOG',
          args: [{ index: 1, value: 6_889_065_188_805_328_655n, op: 'SCMP_CMP_EQ' }],
        },
      ],
    };
    const trapping: SeccompProfile = {
      defaultAction: 'SCMP_ACT_KILL_THREAD',
      architectures: [nativeArchitecture],
      syscalls: [
        { names: ['getsid'], action: 'SCMP_ACT_TRAP' },
        { names: others, action: 'SCMP_ACT_ALLOW' },
      ],
    };
    const loaded = await libseccomp.load(intersect([allowing, trapping], nativeArchitecture).profile);
    assert.ok(!('error' in loaded), JSON.stringify(loaded));
    assert.ok(loaded.filter.codes.length <= limit, `${loaded.filter.codes.length} instructions`);
  });

  it('keeps conditions of one argument each as long as they fit, and fits where they do not', async () => {
    for (const [count, areKept] of [
      [60, true],
      [140, true],
      [300, false],
      [450, false],
    ] as const) {
      const profile = alternatives(450, count);
      const found = intersect([profile, profile], nativeArchitecture);
      const loaded = await libseccomp.load(found.profile);
      assert.ok(!('error' in loaded), JSON.stringify(loaded));
      assert.ok(loaded.filter.codes.length <= limit, `${loaded.filter.codes.length} instructions`);
      // Others than what socketcall and ipc stand for, which may be inexact for other reasons.
      const simplified = intersectedSyscalls(found).filter(
        ({ name, result }) => !result.exact && !isMultiplexed(name) && membersOf(name).length === 0,
      );
      assert.equal(simplified.length === 0, areKept, `${count}: ${simplified.map(({ name }) => name)}`);
    }
  });
});
