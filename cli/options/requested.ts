import type { Reference } from '#lib/registry/reference';
import { formatRequested, isRanged, type RequestedReference } from '#lib/registry/requested-reference';
import { writeNote } from '../terminal/output.ts';
import type { Connect } from './connect.ts';

/**
 * Returns what a person asked for as a reference: a range of versions becomes the tag of the newest
 * one that the registry has, and a note on stderr names it. Throws as settleVersion does.
 *
 * @param allow is called before the registry is asked; what it throws ends the call.
 */
export async function settleRequested(
  requested: RequestedReference,
  connect: Connect,
  allow: () => void = () => undefined,
): Promise<Reference> {
  if (!isRanged(requested)) return requested;
  allow();
  const { settleVersion } = await import('#lib/registry/settle-version');
  const reference = await settleVersion(requested, connect(requested));
  writeNote('note', `${formatRequested(requested)} is ${reference.tag}`);
  return reference;
}
