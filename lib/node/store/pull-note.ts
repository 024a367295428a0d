import type { Signature } from '#lib/trust/signature/signature';
import type { Pull, StoredArtifact } from './stored-artifact.ts';

/** How many repositories that have an artifact its record lists: the latest ones. */
const mostPulls = 32;

/** How many spellings and callers the record lists of each of them: the latest ones. */
const mostNames = 8;
const mostCallers = 64;

/** Identifies callers that use the credentials of the node, or none. */
export const nodeCaller = 'node';

/** A pull of an artifact from a repository. */
export interface PullNote {
  /** `registry/repository` that it was pulled from, always in the same spelling. */
  readonly repository: string;
  /** `registry/repository` as the caller spells it; in that spelling by default. */
  readonly name?: string;
  /** Who pulled it, if that is to be remembered. */
  readonly caller?: string | undefined;
}

/** Reports whether a record has all that a note would add to it. */
export function isNoted(
  record: StoredArtifact | undefined,
  { repository, name = repository, caller }: PullNote,
): boolean {
  const pull = record?.pulls.find((each) => each.repository === repository);
  if (pull === undefined) return false;
  return pull.names.includes(name) && (caller === undefined || pull.callers.includes(caller));
}

/**
 * Returns the pulls of a record with a note as the latest of them. Without `found` a repository
 * keeps the signatures that it has.
 */
export function withNote(
  pulls: readonly Pull[],
  { repository, name = repository, caller }: PullNote,
  now: Date,
  found?: readonly Signature[],
): readonly Pull[] {
  const known = pulls.find((each) => each.repository === repository);
  const callers = known?.callers ?? [];
  const pull = {
    ...{ repository, signatures: found ?? known?.signatures ?? [], pulledAt: now.toISOString() },
    names: added(known?.names ?? [], name, mostNames),
    callers: caller === undefined ? callers : added(callers, caller, mostCallers),
  };
  return [...pulls.filter((other) => other !== known), pull].slice(-mostPulls);
}

/** Returns a list with a text as the latest, at most `most` of them. */
function added(list: readonly string[], text: string, most: number): readonly string[] {
  return [...list.filter((other) => other !== text), text].slice(-most);
}
