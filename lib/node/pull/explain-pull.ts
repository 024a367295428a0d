import { FairleadError } from '#lib/errors';
import type { DecisionExplanation } from '#lib/trust/verify/explain-decision';
import type { PullRequest } from './pulled-profile.ts';

/**
 * Adds to the explanation of a decision why a profile whose signatures meet the rule is refused
 * nevertheless, such as one of another kind: `pull` is called with the digest that was explained.
 * Pulls nothing if the decision is a refusal, or if the reference has no tag and no digest.
 */
export async function explainPull(
  explained: DecisionExplanation,
  { reference, kind }: PullRequest,
  pull: (request: PullRequest) => Promise<unknown>,
): Promise<DecisionExplanation> {
  const { refusal, found } = explained;
  if (refusal !== undefined || (reference.tag === undefined && reference.digest === undefined)) return explained;
  const pinned = found === undefined ? reference : { ...reference, digest: found.descriptor.digest };
  try {
    await pull({ reference: pinned, kind });
    return explained;
  } catch (error) {
    if (error instanceof FairleadError) return { ...explained, refusal: error };
    throw error;
  }
}
