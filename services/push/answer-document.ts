import { formatReference } from '#lib/registry/reference';
import { signStatement } from '#lib/trust/signature/statement';
import type { PublicationPlan, Published } from './publication.ts';

/** Returns the answer about a profile that was published. */
export function publishedDocument(published: Published): object {
  return {
    ...common(published),
    signature: published.signature ?? null,
    alreadySigned: published.alreadySigned,
  };
}

/**
 * Returns the answer about a profile that would be published, with the statement that a caller
 * signs to send its own bundle, unless the policy accepts the signatures that it has already.
 */
export function plannedDocument(plan: PublicationPlan, alreadySigned: boolean): object {
  const { descriptor } = plan.artifact;
  const { mediaType, digest, size } = descriptor;
  return {
    ...common(plan),
    change: plan.tags[0]?.change ?? (plan.isHeld ? 'unchanged' : 'created'),
    descriptor: { mediaType, digest, size },
    alreadySigned,
    statement: Buffer.from(signStatement(descriptor)).toString('utf8'),
  };
}

function common({ reference, tags, profile, findings }: PublicationPlan): object {
  return {
    reference: formatReference(reference),
    tag: tags[0]?.tag ?? null,
    digest: reference.digest,
    kind: profile.kind,
    findings,
  };
}
