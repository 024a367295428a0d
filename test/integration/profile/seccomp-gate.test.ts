import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { GateCounts, gateProperty } from '../../oracle/gate-property.ts';
import { Libseccomp, type LibseccompVersion } from '../../oracle/load-profile.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';

const pairs = 150;

describePeers(['cc', 'seccomp.h', 'libseccomp-2.6'], 'diff, beside what libseccomp loads', () => {
  let directory: string;
  let libseccomps: Readonly<Record<LibseccompVersion, Libseccomp>>;
  before(() => {
    directory = temporaryFolder('libseccomp-gate');
    libseccomps = { '2.5': Libseccomp.start(directory, '2.5'), '2.6': Libseccomp.start(directory, '2.6') };
  });
  after(async () => {
    await Promise.all(Object.values(libseccomps).map((libseccomp) => libseccomp.stop()));
    rmSync(directory, { recursive: true, force: true });
  });

  for (const seed of [20_261, Date.now() % 2 ** 31]) {
    it(`lets no change through that loosens a profile, ${seed === 20_261 ? 'as always' : 'anew each time'}`, async (test) => {
      const counts = new GateCounts();
      await fc.assert(gateProperty(libseccomps, counts, ['2.5', '2.6']), {
        seed,
        numRuns: pairs,
        interruptAfterTimeLimit: 60_000,
      });
      assert.ok(counts.loosened > 10, String(counts));
      test.diagnostic(`seed ${seed}: ${counts}`);
    });
  }
});
