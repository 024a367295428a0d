import fc from 'fast-check';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';
import { minimize } from '#lib/profile/seccomp/write/minimize';
import { narrowComparisons } from '#lib/profile/seccomp/write/narrow-comparisons';
import { randomFrom } from '../fuzz/mutate.ts';
import { checkIntersection, checkLogMode, checkUnion, type MergeReport } from './check-merge.ts';
import { type Libseccomp, type LibseccompVersion, nativeArchitecture, type Runtime } from './load-profile.ts';
import { type MachinePair, machinePair } from './seccomp-pairs.ts';

/** How profiles are merged; `log mode` is an intersection whose last input only logs. */
export type Merge = 'intersection' | 'union' | 'log mode';

/** What the checks of a property went through. */
export class MergeCounts {
  pairs = 0;
  points = 0;
  /**
   * Inputs that libseccomp refuses, and inputs that it loads with another meaning; both are merged
   * all the same.
   */
  unloadableInputs = 0;
  changedInputs = 0;
  /** Points at which a result is stricter (an intersection) or laxer (a union) than every input. */
  conservative = 0;

  add(report: MergeReport): void {
    this.pairs += 1;
    this.points += report.points;
    this.unloadableInputs += report.unloadableInputs;
    this.changedInputs += report.changedInputs;
    this.conservative += report.conservative;
  }

  toString(): string {
    const { pairs, points, unloadableInputs, changedInputs, conservative } = this;
    const inputs = `${unloadableInputs} inputs not loadable, ${changedInputs} loaded with another meaning`;
    return `${pairs} pairs, ${points} points, ${conservative} of them conservative; ${inputs}`;
  }
}

/** Merges the profiles, and checks the result as `check-merge.ts` says. */
export async function mergeAndCheck(
  merge: Merge,
  inputs: readonly [SeccompProfile, ...SeccompProfile[]],
  {
    libseccomp,
    runtime,
    seed,
    native = nativeArchitecture,
  }: { libseccomp: Libseccomp; runtime: Runtime; seed: number; native?: string },
): Promise<MergeReport> {
  const check = { libseccomp, runtime, random: randomFrom(seed), native };
  switch (merge) {
    case 'intersection':
      return checkIntersection(inputs, intersect(inputs, native).profile, check);
    case 'union':
      return checkUnion(inputs, unionSeccomp(inputs, native), check);
    case 'log mode':
      return checkLogMode(inputs, intersect(inputs, native, inputs[0], 'Log').profile, check);
  }
}

/** Each version of libseccomp that profiles are loaded with, running. */
export type Libseccomps = Readonly<Record<LibseccompVersion, Libseccomp>>;

/**
 * Returns the property that generated pairs of profiles mean the same after they were merged and
 * loaded, on machines of several architectures.
 *
 * @param versions those that results are loaded with.
 */
export function mergeProperty(
  merge: Merge,
  libseccomps: Libseccomps,
  counts: MergeCounts,
  versions: readonly LibseccompVersion[] = ['2.5', '2.6'],
): fc.IAsyncProperty<[MachinePair, LibseccompVersion, Runtime, number]> {
  return fc.asyncProperty(
    machinePair,
    fc.constantFrom(...versions),
    fc.constantFrom('runc' as const, 'crun' as const),
    fc.noShrink(fc.nat()),
    async ({ native, pair }, version, runtime, seed) => {
      const report = await mergeAndCheck(merge, pair, { libseccomp: libseccomps[version], runtime, seed, native });
      counts.add(report);
      const [first] = report.faults;
      if (first !== undefined) throw new Error(`the ${merge} ${first.kind}: ${first.detail}`);
    },
  );
}

/** The two ways in which one profile is written anew. */
export type Rewriting = 'narrowed' | 'minimized';

/**
 * Returns the property that what a profile was rewritten as is never looser than it once both are
 * loaded, if libseccomp loads the profile as it is written; and never stricter, for a minimized
 * one.
 */
export function rewritingProperty(
  rewriting: Rewriting,
  libseccomps: Libseccomps,
  counts: MergeCounts,
): fc.IAsyncProperty<[MachinePair, LibseccompVersion, Runtime, number]> {
  return fc.asyncProperty(
    machinePair,
    fc.constantFrom('2.5' as const, '2.6' as const),
    fc.constantFrom('runc' as const, 'crun' as const),
    fc.noShrink(fc.nat()),
    async ({ native, pair: [profile] }, version, runtime, seed) => {
      const result = rewriting === 'minimized' ? minimize(profile, native) : narrowComparisons(profile, native).profile;
      const check = { libseccomp: libseccomps[version], runtime, random: randomFrom(seed), native };
      const report = await checkIntersection([profile], result, check);
      if (report.unloadableInputs + report.changedInputs > 0) return;
      counts.add(report);
      const [first] = report.faults;
      if (first !== undefined) throw new Error(`the ${rewriting} profile ${first.kind}: ${first.detail}`);
      if (rewriting === 'minimized' && report.conservative > 0) throw new Error('the minimized profile is stricter');
    },
  );
}
