import { pullHeld } from './compare-with-held.ts';
import type { PublicationPlan, PublishDependencies } from './publication.ts';

/**
 * Reports whether the repository has the artifact of a plan already, with signatures that the
 * policy accepts: nothing is left to be signed. Only errors of the registry are thrown.
 */
export async function acceptedAlready(
  { isHeld, reference, profile }: PublicationPlan,
  dependencies: PublishDependencies,
): Promise<boolean> {
  if (!isHeld || dependencies.policy === undefined) return false;
  const held = await pullHeld(reference, profile.kind, dependencies);
  return !('problem' in held) && held.verification.signatures.length > 0;
}
