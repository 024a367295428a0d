import type { Direction, ProfileDiff } from '#lib/profile/change';
import { diffProfiles } from '#lib/profile/diff-profiles';
import type { PublishedProfile } from '#lib/profile/profile';
import { isResolved } from '#lib/profile/resolve-profile';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { shorten } from '#lib/text/quote';

/** What a profile permits and denies against another, or why that cannot be decided. */
export type Comparison =
  | { readonly loosened: number; readonly tightened: number; readonly summary: string }
  | { readonly problem: string };

/**
 * For a profile that lists no architectures: this one has the calls of the others, and more, so
 * that no difference is missed.
 */
const native = nativeArchitecture('amd64');
/** Subjects that a summary names of each direction, and characters of one. */
const most = { subjects: 10, characters: 60 };

/** Compares a profile with the one before it, as `fairlead diff` does. */
export function compareProfiles(from: PublishedProfile, to: PublishedProfile): Comparison {
  if (!isResolved(from) || !isResolved(to)) return { problem: 'what it permits depends on the container' };
  if (from.kind !== to.kind)
    return { problem: `it is a ${to.kind} profile, and the one before it is a ${from.kind} profile` };
  const diff = diffProfiles(from, to, native);
  const [loosened, tightened, changed] = (['loosened', 'tightened', 'changed'] as const).map((direction) =>
    subjectsOf(diff, direction),
  ) as [string[], string[], string[]];
  const parts = [
    ...summaryOf('permits more', loosened),
    ...summaryOf('permits less', tightened),
    ...summaryOf('changes', changed),
  ];
  return {
    loosened: loosened.length,
    tightened: tightened.length,
    summary: parts.length === 0 ? 'no difference in meaning' : parts.join('; '),
  };
}

function subjectsOf({ changes }: ProfileDiff, direction: Direction): string[] {
  return [...new Set(changes.filter((change) => change.direction === direction).map(({ subject }) => subject))];
}

/** Returns the first of the subjects, which are from a profile, without control characters. */
function summaryOf(what: string, subjects: readonly string[]): string[] {
  if (subjects.length === 0) return [];
  const named = subjects
    .slice(0, most.subjects)
    .map((subject) => shorten(subject, most.characters).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?'));
  const left = subjects.length - named.length;
  return [`${what}: ${named.join(', ')}${left > 0 ? ` and ${left} more` : ''}`];
}
