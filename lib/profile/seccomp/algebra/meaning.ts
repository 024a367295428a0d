import type { SeccompProfile } from '../model.ts';
import { isKnownSyscallId, SyscallIds } from '../tables/syscall-ids.ts';
import type { Decision } from './decision.ts';
import { always } from './decision.ts';
import type { Outcome } from './outcome.ts';
import { stricter } from './outcome.ts';
import type { Either, NumberedMeaning } from './read-meaning.ts';
import { readMeaning } from './read-meaning.ts';

/** What a profile does with every syscall: those that it names, and all others. */
export interface Meaning {
  readonly decisions: ReadonlyMap<string, Decision>;
  readonly otherwise: Decision;
}

/** Returns the decision about a syscall by its name. */
export function decisionOf(meaning: Meaning, syscall: string): Decision {
  return meaning.decisions.get(syscall) ?? meaning.otherwise;
}

/** Returns the decision about a syscall by its number. */
export function decisionAbout(id: number, { places, distinct, otherwise }: NumberedMeaning): Decision {
  const place = places[id];
  return (place === undefined ? undefined : distinct[place]) ?? otherwise;
}

/**
 * Returns what a profile means as runc passes it to libseccomp: entries that repeat the default are
 * not added; the first entry without conditions beats all others of its syscall; conditions on one
 * argument are alternatives, on different ones they are joined. Where conditions of different
 * outcomes overlap libseccomp's choice follows no rule that a profile could rely on: the strictest
 * counts.
 */
export function meaningOf(profile: SeccompProfile): Meaning {
  return named(profile, strictestOfBoth);
}

/**
 * Returns the same, as it is on 64-bit architectures, for callers that handle the others
 * separately.
 */
export function wideMeaningOf(profile: SeccompProfile): Meaning {
  return named(profile, (_, wide) => ({ ...always(wide), wide: true }));
}

/**
 * Returns the same, with the laxer outcome where 32-bit and 64-bit architectures differ: what it
 * refuses is refused on both.
 */
export function laxestMeaningOf(profile: SeccompProfile): Meaning {
  return named(profile, laxestOfBoth);
}

/**
 * Returns the stricter outcome where 32-bit and 64-bit architectures differ, as an intersection
 * needs it.
 */
export function strictestOfBoth(narrow: Outcome, wide: Outcome): Decision {
  return unsure(stricter(narrow, wide));
}

/** Returns the laxer outcome where 32-bit and 64-bit architectures differ, as a union needs it. */
export function laxestOfBoth(narrow: Outcome, wide: Outcome): Decision {
  return unsure(stricter(narrow, wide) === narrow ? wide : narrow);
}

function named(profile: SeccompProfile, either: Either): Meaning {
  const ids = new SyscallIds();
  const { order, places, distinct, otherwise } = readMeaning(profile, ids, either);
  const decisions = new Map<string, Decision>();
  for (const id of order) decisions.set(ids.nameOf(id), distinct[places[id] as number] as Decision);
  return { decisions, otherwise };
}

/** Larger meanings are not kept: 512 decisions and conditions take half a MiB at most. */
const mostKept = 512;

/**
 * The meanings of profiles that were intersected, which go with their profiles. They hold for every
 * SyscallIds: profiles never change, and known syscalls have the same numbers in all of them; a
 * meaning with other syscalls is not kept.
 */
const kept = new WeakMap<SeccompProfile, NumberedMeaning>();

/**
 * Reads what a profile means for an intersection; see readMeaning. A profile that is merged again
 * is read once: a node has the same baseline for all containers, and one artifact for several.
 */
export function strictestMeaning(profile: SeccompProfile, ids: SyscallIds): NumberedMeaning {
  const known = kept.get(profile);
  if (known !== undefined) return known;
  const meaning = readMeaning(profile, ids, strictestOfBoth);
  if (sizeOf(meaning) <= mostKept && meaning.order.every(isKnownSyscallId)) kept.set(profile, meaning);
  return meaning;
}

/** How many decisions, conditions and multiplexed entries a meaning has. */
function sizeOf({ distinct, multiplexed }: NumberedMeaning): number {
  return distinct.reduce((sum, { regions }) => sum + 1 + regions.length, multiplexed.length);
}

/**
 * Returns a decision that holds on machines of some kinds, and differs from the profile on others.
 */
function unsure(outcome: Outcome): Decision {
  return { ...always(outcome), exact: false };
}
