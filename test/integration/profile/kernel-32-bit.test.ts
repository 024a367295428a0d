import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { intersect } from '#lib/profile/seccomp/intersect';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { loadTables } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import { minimize } from '#lib/profile/seccomp/write/minimize';
import { narrowComparisons } from '#lib/profile/seccomp/write/narrow-comparisons';
import type { Call } from '../../oracle/seccomp-evaluate.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { vmRequirements } from '../../peers/vm.ts';
import { checkPairs, native, operations, startable } from '../../support/kernel/merged-pairs.ts';
import { type Probe, probeOf32Bit } from '../../support/kernel/probe-of-32-bit.ts';
import { triesAll } from '../../support/some-of.ts';

const upper = 2n ** 32n;
const architectures = [native, 'SCMP_ARCH_X86'];

describePeers(['runc', 'cc', 'root', ...vmRequirements], 'profiles in a kernel that runs 32-bit programs', () => {
  let directory: string;
  let probe: Probe;
  before(async () => {
    directory = temporaryFolder('probe-32-bit');
    probe = await probeOf32Bit(directory);
  });
  after(async () => {
    await probe?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const [results, operation] of Object.entries(operations)) {
    it(`do what the evaluator says: ${results} of pairs of x86_64 and x86`, async (context) => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      context.diagnostic(`seed ${seed}`);
      const pairs = (probe.isEmulated ? 4 : 20) * (triesAll ? 10 : 1);
      const run: Probe['run'] = (profile, calls) => probe.run(profile, calls);
      await checkPairs({ operation, architectures, wide: false, pairs, seed, run });
    });
  }

  it('kill if a mask has no low bits, for a 32-bit program only', async () => {
    const calls = architectures.map(
      (architecture): Call => ({ architecture, syscall: 'getsid', args: [0n, 0n, 0n, 0n, 0n, 0n] }),
    );
    const args = [{ index: 0, value: 2n ** 63n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' }] as const;
    const denying = startable({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures,
      syscalls: [
        { names: ['getsid'], action: 'SCMP_ACT_KILL_PROCESS', args },
        { names: ['getsid'], action: 'SCMP_ACT_ALLOW' },
      ],
    });
    const allowing = startable({ defaultAction: 'SCMP_ACT_ALLOW', architectures });
    assert.deepEqual((await probe.run(denying, calls))?.[1], 'killed');
    assert.notEqual((await probe.run(denying, calls))?.[0], 'killed');
    assert.deepEqual((await probe.run(intersect([denying, allowing], native).profile, calls))?.[1], 'killed');
    assert.deepEqual((await probe.run(minimize(denying, native), calls))?.[1], 'killed');
  });

  for (const [name, version, denied] of [
    ['containerd', '2.1.0', 40n],
    ['containerd', '2.2.4', 38n],
    ['cri-o', '1.35.1', 40n],
  ] as const) {
    it(`deny a socket of family ${denied} to a 32-bit program, narrowed or not: ${name} ${version}`, async () => {
      const table = (await loadTables(name)).find(({ versions }) => versions[0]?.[0] === version);
      assert.ok(table);
      const given = runtimeDefault([table], { architecture: 'amd64', kernel: '6.1', capabilities: [] });
      // A 32-bit program has no upper bits.
      const families = [2n, denied, upper + denied, 2n ** 63n + denied, upper + 2n];
      const calls = families.map(
        (family): Call => ({ architecture: 'SCMP_ARCH_X86', syscall: 'socket', args: [family, 1n, 0n, 0n, 0n, 0n] }),
      );
      for (const profile of [given, narrowComparisons(given, native).profile]) {
        const results = await probe.run(profile, calls);
        const isLetIn = results?.map((result) => typeof result === 'object' && result.value >= 0);
        assert.deepEqual(isLetIn, [true, false, false, false, true]);
        assert.deepEqual(results?.slice(1, 4), [{ value: -1 }, { value: -1 }, { value: -1 }]);
      }
    });
  }
});
