import fc from 'fast-check';
import { diffSeccomp } from '#lib/profile/seccomp/diff';
import { randomFrom } from '../fuzz/mutate.ts';
import { tablesFor } from './check-merge.ts';
import { evaluateLoaded, type LibseccompVersion, type Runtime } from './load-profile.ts';
import type { Libseccomps } from './merge-property.ts';
import { rank } from './seccomp-evaluate.ts';
import { type MachinePair, machinePair } from './seccomp-pairs.ts';
import { samplePoints } from './seccomp-points.ts';

/** What the checks of the gate went through. */
export class GateCounts {
  pairs = 0;
  /** Pairs of which both profiles load. */
  loaded = 0;
  /** Those whose second profile, as loaded, permits what the first does not. */
  loosened = 0;
  /** Pairs that are said to be loosened, and were not seen to be. */
  unconfirmed = 0;

  toString(): string {
    const { pairs, loaded, loosened, unconfirmed } = this;
    return `${pairs} pairs, ${loaded} loaded, ${loosened} of them loosened; ${unconfirmed} called loosened in doubt`;
  }
}

/** Two profiles, or a profile before and after one edit. */
const changedProfile: fc.Arbitrary<MachinePair> = fc.oneof(
  machinePair,
  fc.tuple(machinePair, fc.nat(), fc.nat({ max: 3 })).map(([{ native, pair }, at, edit]) => {
    const [profile, other] = pair;
    const entries = [...(profile.syscalls ?? [])];
    const place = at % (entries.length + 1);
    if (edit === 0) entries.splice(place, 1);
    if (edit === 1) entries.splice(place, 0, ...(other.syscalls ?? []).slice(0, 1));
    if (edit === 2) entries.push(...entries.splice(0, place));
    const { architectures = [] } = edit === 3 ? other : profile;
    return { native, pair: [profile, { ...profile, architectures, syscalls: entries }] as const };
  }),
);

/**
 * Returns the property that no change is let through which loosens what a kernel is given: wherever
 * the second profile, as libseccomp loads it, is laxer than the first as loaded, the comparison
 * says loosened.
 */
export function gateProperty(libseccomps: Libseccomps, counts: GateCounts, versions: readonly LibseccompVersion[]) {
  return fc.asyncProperty(
    changedProfile,
    fc.constantFrom(...versions),
    fc.constantFrom('runc' as const, 'crun' as const),
    fc.noShrink(fc.nat()),
    async ({ native, pair }, version, runtime: Runtime, seed) => {
      const libseccomp = libseccomps[version];
      const [from, to] = pair;
      const [before, after] = await Promise.all(pair.map((profile) => libseccomp.load(profile, runtime, native)));
      counts.pairs += 1;
      if (before === undefined || after === undefined || 'error' in before || 'error' in after) return;
      counts.loaded += 1;
      const { changes } = diffSeccomp(from, to, native);
      const isCalledLoosened = changes.some(({ direction }) => direction === 'loosened');
      const points = samplePoints(pair, await tablesFor(pair, libseccomp, native), randomFrom(seed), native);
      const looser = points.find(
        (point) => rankOf(evaluateLoaded(after, point)) < rankOf(evaluateLoaded(before, point)),
      );
      if (looser !== undefined) counts.loosened += 1;
      else if (isCalledLoosened) counts.unconfirmed += 1;
      if (looser === undefined || isCalledLoosened) return;
      const call = `${looser.syscall}(${looser.args.map((value) => `0x${value.toString(16)}`).join(', ')})`;
      const [was, is] = [evaluateLoaded(before, looser), evaluateLoaded(after, looser)];
      throw new Error(`not called loosened: ${call} of ${looser.architecture} was ${was}, is ${is}`);
    },
  );
}

/** Calls of an architecture that was not added end the thread that makes them. */
function rankOf(action: string): number {
  return rank(action === 'bad architecture' ? 'SCMP_ACT_KILL_THREAD' : action);
}
