import fc from 'fast-check';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { union } from '#lib/profile/seccomp/union';
import { randomFrom } from '../fuzz/mutate.ts';
import { checkIntersection, checkUnion, type MergeReport } from './check-merge.ts';
import { type Libseccomp, type LibseccompVersion, nativeArchitecture, type Runtime } from './load-profile.ts';
import { profilePair } from './seccomp-pairs.ts';

/** The two ways in which profiles are merged. */
export type Merge = 'intersection' | 'union';

/** What the checks of a property went through. */
export class MergeCounts {
  pairs = 0;
  points = 0;
  /** Inputs that libseccomp refuses, and inputs that it loads with another meaning; both are merged all the same. */
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
  { libseccomp, runtime, seed }: { libseccomp: Libseccomp; runtime: Runtime; seed: number },
): Promise<MergeReport> {
  const check = { libseccomp, runtime, random: randomFrom(seed) };
  return merge === 'intersection'
    ? checkIntersection(inputs, intersect(inputs, nativeArchitecture).profile, check)
    : checkUnion(inputs, union(inputs, nativeArchitecture), check);
}

/** Each version of libseccomp that profiles are loaded with, running. */
export type Libseccomps = Readonly<Record<LibseccompVersion, Libseccomp>>;

/**
 * The property that generated pairs of profiles mean the same after they were merged and loaded.
 *
 * @param versions those that results are loaded with.
 */
export function mergeProperty(
  merge: Merge,
  libseccomps: Libseccomps,
  counts: MergeCounts,
  versions: readonly LibseccompVersion[] = ['2.5', '2.6'],
): fc.IAsyncProperty<[readonly [SeccompProfile, SeccompProfile], LibseccompVersion, Runtime, number]> {
  return fc.asyncProperty(
    profilePair,
    fc.constantFrom(...versions),
    fc.constantFrom('runc' as const, 'crun' as const),
    fc.noShrink(fc.nat()),
    async (pair, version, runtime, seed) => {
      const report = await mergeAndCheck(merge, pair, { libseccomp: libseccomps[version], runtime, seed });
      counts.add(report);
      const [first] = report.faults;
      if (first !== undefined) throw new Error(`the ${merge} ${first.kind}: ${first.detail}`);
    },
  );
}
