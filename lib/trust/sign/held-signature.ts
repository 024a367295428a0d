import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
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
  /** The bytes to be signed, where it is an attestation: one of other bytes says something else. */
  readonly attestation?: { readonly predicateType: string; readonly signed: Uint8Array };
}

/**
 * Finds a signature, or an attestation, by which one more of the same signer would say nothing new:
 * in the same form, and such that it holds as verifySignatures decides. Gives the descriptor of the
 * manifest that carries it; undefined where there is none, or it cannot be told, such as where the
 * registry lets nobody look: a signature more than needed does no harm. Rejects with the signal's
 * reason, and as the signer's `requirements`.
 */
export async function findHeld(
  target: Target,
  request: HeldRequest,
  options: CallOptions = {},
): Promise<Descriptor | undefined> {
  const candidates = (await ifReadable(() => fetchCandidates(target, request, options), options)) ?? [];
  if (candidates.length === 0) return undefined;
  // Who signs without a key is asked only now: a certificate authority has to be asked for it.
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
      (attestation === undefined || Buffer.from(content.signed).equals(attestation.signed))
    );
  });
}

/** Reports whether a bundle is one that is written: of the newest version, around a statement. */
function isWritten(content: SignedContent): boolean {
  const bundle = content.bundle();
  return bundle.mediaType === bundleMediaType && bundle.content.$case === 'dsseEnvelope';
}

/**
 * The rule that is met by what says all that the signer is about to say; in the legacy form that
 * names the repository too.
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
 * What can be found out; undefined where the registry does not let us, and whatever its reason is
 * not one of ours.
 */
async function ifReadable<T>(find: () => Promise<T>, { signal }: CallOptions): Promise<T | undefined> {
  try {
    return await find();
  } catch (error) {
    if (signal?.aborted || !(error instanceof FairleadError) || error.kind === 'Internal') throw error;
    return undefined;
  }
}
