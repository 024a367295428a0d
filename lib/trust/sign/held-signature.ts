import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import type { Reference } from '#lib/registry/reference';
import type { CallOptions, Target } from '#lib/registry/target';
import type { Rule } from '../policy/policy.ts';
import { signPredicateType } from '../signature/predicate-type.ts';
import { openSignature } from '../signature/read/open-signature.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';
import { bundleMediaType, type Signature, type SignatureFormat } from '../signature/signature.ts';
import { examineSignatures } from '../verify/examine-signatures.ts';
import { isMet } from '../verify/examined.ts';
import { fetchWritten } from '../verify/fetch-signatures.ts';
import type { Signer } from './signer.ts';

export interface HeldRequest {
  readonly descriptor: Descriptor;
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  readonly signer: Signer;
  readonly format: SignatureFormat;
  /**
   * The bytes to be signed, for an attestation: one over other bytes is not equivalent. Without
   * them, every attestation of this type is.
   */
  readonly attestation?: { readonly predicateType: string; readonly signed?: Uint8Array | undefined };
}

/**
 * Finds a signature or attestation that makes another one of the same signer redundant: it has the
 * same format, and verifySignatures accepts it. Returns the descriptor of its manifest; undefined
 * if none exists, or if this cannot be decided, for example because the registry refuses reads: a
 * redundant signature does no harm. Rejects with the signal's reason, and as the signer's
 * `requirements`.
 */
export async function findHeld(
  target: Target,
  request: HeldRequest,
  options: CallOptions = {},
): Promise<Descriptor | undefined> {
  const candidates = (await ifReadable(() => fetchCandidates(target, request, options), options)) ?? [];
  if (candidates.length === 0) return undefined;
  // Called only now: for a keyless signer, it asks a certificate authority.
  const require = await request.signer.requirements();
  if (require === undefined) return undefined;
  const { descriptor, reference } = request;
  const examined = examineSignatures(descriptor, reference, candidates, ruleOf(request, require));
  const [first] = examined.flatMap(({ held }) => held);
  if (first === undefined || !examined.every(isMet)) return undefined;
  return ifReadable(() => target.resolve(first.manifest, { ...options, fromOrigin: true }), options);
}

async function fetchCandidates(
  target: Target,
  { descriptor, format, attestation }: HeldRequest,
  options: CallOptions,
): Promise<Signature[]> {
  const predicateType = attestation?.predicateType ?? signPredicateType;
  const found = await fetchWritten(target, descriptor, { format, predicateType }, options);
  return found.filter((signature) => {
    const content = open(signature);
    if (content === undefined) return false;
    return (
      (format === 'legacy' || isWritten(content)) &&
      (attestation?.signed === undefined || content.signedDigest() === digestOf(attestation.signed))
    );
  });
}

/** Reports whether a bundle is as it is written here: of the newest version, with a statement. */
function isWritten(content: SignedContent): boolean {
  const bundle = content.bundle();
  return bundle.mediaType === bundleMediaType && bundle.content.$case === 'dsseEnvelope';
}

/**
 * Returns the rule that an equivalent of the next signature meets; in the legacy format, it names
 * the repository too.
 */
function ruleOf({ format, attestation }: HeldRequest, require: Rule['require']): Rule {
  const rule = { match: '**', unsigned: false };
  if (attestation === undefined) {
    return { ...rule, require, ...(format === 'legacy' ? { signedRepository: 'same' } : {}) };
  }
  const { predicateType: type } = attestation;
  return { ...rule, require: [], attestations: require.map((by) => ({ type, by, provenance: {} })) };
}

function open(signature: Signature): SignedContent | undefined {
  try {
    return openSignature(signature);
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'SignatureInvalid') return undefined;
    throw error;
  }
}

/**
 * Returns the result of a lookup; undefined if the registry prevents it. Rethrows aborts and
 * internal errors.
 */
async function ifReadable<T>(find: () => Promise<T>, { signal }: CallOptions): Promise<T | undefined> {
  try {
    return await find();
  } catch (error) {
    if (signal?.aborted || !(error instanceof FairleadError) || error.kind === 'Internal') throw error;
    return undefined;
  }
}
