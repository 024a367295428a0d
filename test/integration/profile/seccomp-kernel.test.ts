import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';
import type { Call } from '../../oracle/seccomp-evaluate.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { checkPairs, native, operations } from '../../support/kernel/merged-pairs.ts';
import { ProbeContainer } from '../../support/kernel/run-probe.ts';
import { triesAll } from '../../support/some-of.ts';

/** Pairs of profiles for each operation. */
const pairs = triesAll ? 200 : 20;

describePeers(['runc', 'cc', 'root'], 'profiles in the kernel', () => {
  let directory: string;
  let container: ProbeContainer;
  before(() => {
    directory = temporaryFolder('probe');
    container = new ProbeContainer(directory);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [results, operation] of Object.entries(operations)) {
    it(`do what the evaluator says: ${results} of ${pairs} pairs of x86_64 alone, with 64-bit values`, async (context) => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      context.diagnostic(`seed ${seed}`);
      const run = async (profile: SeccompProfile, calls: readonly Call[]) => container.run(profile, calls, 20_000);
      await checkPairs({ operation, architectures: [native], wide: true, pairs, seed, run });
    });
  }

  it('keep their rules beside one for a call that x86_64 does not have, with x32 listed', () => {
    const denied = [{ index: 0, value: 41n, op: 'SCMP_CMP_EQ' }] as const;
    // Few rules, none of them unconditional for a call that x86_64 has: libseccomp then loses them
    // all.
    const losing: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      syscalls: [
        { names: ['getsid'], action: 'SCMP_ACT_ERRNO', errnoRet: 99, args: denied },
        { names: ['stat64'], action: 'SCMP_ACT_ERRNO' },
      ],
    };
    const call: Call = { architecture: native, syscall: 'getsid', args: [41n, 0n, 0n, 0n, 0n, 0n] };
    const esrch = { value: -3 };
    assert.deepEqual(container.run(losing, [call], 20_000), [esrch], 'libseccomp lost the rule');
    const merged = [intersect([losing, losing], native).profile, unionSeccomp([losing, losing], native).profile];
    for (const profile of merged) assert.deepEqual(container.run(profile, [call], 20_000), [{ value: -99 }]);
  });
});
