import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { traced } from '#lib/traced';
import type { Rule } from '../policy/policy.ts';
import type { Signature, Verification } from '../signature/signature.ts';
import { fetchReferredSignatures, fetchTaggedSignatures } from './fetch-signatures.ts';
import { verifySignatures } from './verify-signatures.ts';

/** What verifyArtifact verifies, and under which rule. */
export interface VerifyRequest {
  /** The artifact's manifest, as the target resolved it. */
  readonly descriptor: Descriptor;
  /** Where it was asked for. */
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  /** What it must meet. */
  readonly rule: Rule;
}

/**
 * A good artifact, and the signatures that were found: a caller that keeps them can verify it again
 * without a network.
 */
export interface VerifiedArtifact {
  readonly verification: Verification;
  readonly signatures: readonly Signature[];
}

/**
 * Fetches what claims to be a signature or an attestation of an artifact, and checks it against a
 * rule. Nothing is fetched where the rule asks for no signature, and the legacy tags are not looked
 * up where the referrers meet the rule. Rejects as fetchSignatures does, and with SignatureInvalid
 * as verifySignatures does.
 */
export function verifyArtifact(
  target: ReadTarget,
  request: VerifyRequest,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<VerifiedArtifact> {
  return traced(
    () => ({
      name: 'verify',
      kind: 'internal',
      attributes: { 'oci.manifest.digest': request.descriptor.digest },
    }),
    () => verify(target, request, options),
  );
}

async function verify(
  target: ReadTarget,
  { descriptor, reference, rule }: VerifyRequest,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<VerifiedArtifact> {
  if (rule.unsigned) return { verification: verifySignatures(descriptor, reference, [], rule), signatures: [] };
  const attestations = rule.attestations?.map(({ type }) => type) ?? [];
  const skipped: FairleadError[] = [];
  const onSkipped = (error: FairleadError): void => void skipped.push(error);
  const options = { signal, attestations, onSkipped };
  const referred = await fetchReferredSignatures(target, descriptor, options);
  if (referred.length > 0) {
    const verification = verifiedBy(referred, { descriptor, reference, rule });
    if (verification !== undefined) return { verification, signatures: referred };
  }
  const signatures = [...referred, ...(await fetchTaggedSignatures(target, descriptor, options))];
  return { verification: verifySignatures(descriptor, reference, signatures, rule, skipped), signatures };
}

/** Returns undefined if these signatures do not meet the rule; others may be found. */
function verifiedBy(
  signatures: readonly Signature[],
  { descriptor, reference, rule }: VerifyRequest,
): Verification | undefined {
  try {
    return verifySignatures(descriptor, reference, signatures, rule);
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'SignatureInvalid') return undefined;
    throw error;
  }
}
