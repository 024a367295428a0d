import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { GateCounts, gateProperty } from '../oracle/gate-property.ts';
import { Libseccomp } from '../oracle/load-profile.ts';
import { type Merge, MergeCounts, mergeProperty, type Rewriting, rewritingProperty } from '../oracle/merge-property.ts';
import { temporaryFolder } from '../peers/program.ts';
import { missingRequirements } from '../peers/require.ts';

const merges: readonly Merge[] = ['intersection', 'union', 'log mode'];
const rewritings: readonly Rewriting[] = ['narrowed', 'minimized'];
/** How many pairs are merged, rewritten and compared in each way before the time is looked at. */
const batch = 50;
/** Milliseconds for making a failing pair smaller. */
const shrinking = 60_000;

/**
 * Merges, rewrites and compares generated profiles for some seconds, loads them through both
 * versions of libseccomp, and checks that merges and rewritten profiles mean what was promised, and
 * that a comparison misses nothing that became laxer. Needs test peers; without them, it reports
 * that and does nothing.
 *
 * @param report gets lines for people: the seed, and what was checked.
 * @throws AssertionError with the smallest pair found that broke the promise.
 */
export async function fuzz(
  seconds: number,
  report: (line: string) => void = () => {},
  seed = Date.now() % 2 ** 31,
): Promise<void> {
  const missing = missingRequirements(['cc', 'seccomp.h', 'libseccomp-2.6']);
  if (missing !== undefined) {
    if (process.env['FAIRLEAD_PEERS'] === 'required') throw new Error(missing);
    report(`seccomp-merge: skipped: ${missing}`);
    return;
  }
  const end = performance.now() + seconds * 1_000;
  const directory = temporaryFolder('libseccomp');
  const libseccomps = { '2.5': Libseccomp.start(directory, '2.5'), '2.6': Libseccomp.start(directory, '2.6') };
  const counts = {
    intersection: new MergeCounts(),
    union: new MergeCounts(),
    'log mode': new MergeCounts(),
    narrowed: new MergeCounts(),
    minimized: new MergeCounts(),
  };
  const gate = new GateCounts();
  try {
    for (let round = 0; performance.now() < end; round += 1) {
      await Promise.all([
        ...merges.map((merge) => run(mergeProperty(merge, libseccomps, counts[merge]), seed + round)),
        ...rewritings.map((each) => run(rewritingProperty(each, libseccomps, counts[each]), seed + round)),
        run(gateProperty(libseccomps, gate, ['2.5', '2.6']), seed + round),
      ]);
    }
  } finally {
    await Promise.all(Object.values(libseccomps).map((libseccomp) => libseccomp.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
  for (const [merge, count] of Object.entries(counts)) report(`seccomp-merge: ${merge}: seed ${seed}, ${count}`);
  report(`seccomp-merge: diff: seed ${seed}, ${gate}`);
}

async function run<Values>(property: fc.IAsyncProperty<Values>, seed: number): Promise<void> {
  const details = await fc.check(property, { seed, numRuns: batch, interruptAfterTimeLimit: shrinking });
  if (!details.failed) return;
  throw new assert.AssertionError({
    message: `${String(details.errorInstance)}\n${fc.defaultReportMessage(details)}`,
  });
}
