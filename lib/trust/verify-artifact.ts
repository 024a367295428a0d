import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { fetchSignatures } from './fetch-signatures.ts';
import type { Rule } from './policy.ts';
import type { Signature, Verification } from './signature.ts';
import { verifySignatures } from './verify-signatures.ts';

export interface VerifyRequest {
  /** The artifact's manifest, as the target resolved it. */
  readonly descriptor: Descriptor;
  /** Where it was asked for. */
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  /** What it must meet. */
  readonly rule: Rule;
}

/** A good artifact, and the signatures that were found: whoever keeps them can verify it again without a network. */
export interface VerifiedArtifact {
  readonly verification: Verification;
  readonly signatures: readonly Signature[];
}

/**
 * Fetches what claims to be a signature or an attestation of an artifact, and checks it against a rule. Nothing is fetched where the
 * rule asks for no signature. Rejects as fetchSignatures does, and with SignatureInvalid as verifySignatures does.
 */
export async function verifyArtifact(
  target: ReadTarget,
  { descriptor, reference, rule }: VerifyRequest,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<VerifiedArtifact> {
  const attestations = rule.attestations?.map(({ type }) => type) ?? [];
  const passedOver: FairleadError[] = [];
  const onPassedOver = (error: FairleadError): void => void passedOver.push(error);
  const signatures = rule.unsigned
    ? []
    : await fetchSignatures(target, descriptor, { signal, attestations, onPassedOver });
  try {
    return { verification: verifySignatures(descriptor, reference, signatures, rule), signatures };
  } catch (error) {
    throw error instanceof FairleadError ? namingPassedOver(error, passedOver) : error;
  }
}

/** Of what was passed over, so many are named. */
const mostNamed = 10;

/** The refusal of an artifact that says as well what was passed over when its signatures were looked for. */
export function namingPassedOver(refusal: FairleadError, passedOver: readonly FairleadError[]): FairleadError {
  if (refusal.kind !== 'SignatureInvalid' || passedOver.length === 0) return refusal;
  const { kind, hint, details = [], cause } = refusal;
  // "Not signed" would send people to sign what somebody else has signed.
  const summary = refusal.summary.replace(/ is not signed; /, ' has no signature that is read; ');
  const named = passedOver.slice(0, mostNamed).map((each) => `passed over: ${each.summary}`);
  if (passedOver.length > mostNamed) named.push(`and ${passedOver.length - mostNamed} more`);
  return new FairleadError(kind, summary, {
    ...(hint !== undefined && { hint }),
    cause,
    details: [...details, ...named],
  });
}
