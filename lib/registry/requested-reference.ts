import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { formatReference, formatRepository, hasVersionRange, parseReference, type Reference } from './reference.ts';

/** A repository with a range of versions, as its reader wrote it: `registry/repository@^1.4`. */
export interface RangedReference {
  readonly registry: string;
  readonly repository: string;
  /** A range as npm has it; settleVersion parses it. */
  readonly range: string;
}

/** What a reader asks for: content by tag or digest, or the newest version in a range. */
export type RequestedReference = Reference | RangedReference;

/** Longer than every range that a person writes. */
const maxRangeLength = 256;

/**
 * Parses a reference of a command that reads: as parseReference does, or with a range of versions
 * in the place of the tag. Throws InvalidInput.
 */
export function parseRequested(text: string): RequestedReference {
  if (!hasVersionRange(text)) return parseReference(text);
  const at = text.indexOf('@');
  const range = text.slice(at + 1);
  const { registry, repository, tag } = parseReference(text.slice(0, at));
  const invalid = (what: string, hint: string): FairleadError =>
    new FairleadError('InvalidInput', `invalid reference ${quote(text, 300)}: ${what}`, { hint });
  if (tag !== undefined) {
    throw invalid(
      'it has both a tag and a version range',
      `Write ${registry}/${repository}:${tag}, or ${registry}/${repository}@RANGE.`,
    );
  }
  if (range.length > maxRangeLength) {
    throw invalid(`its version range is longer than ${maxRangeLength} characters`, 'Write a shorter range.');
  }
  return { registry, repository, range };
}

/** Formats what a reader asked for; the inverse of parseRequested. */
export function formatRequested(requested: RequestedReference): string {
  return isRanged(requested) ? `${formatRepository(requested)}@${requested.range}` : formatReference(requested);
}

/** Reports whether a reader asks for a range of versions. */
export function isRanged(requested: RequestedReference): requested is RangedReference {
  return 'range' in requested;
}
