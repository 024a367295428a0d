import type { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { CallOptions, ReadTarget } from '#lib/registry/target';
import { isPackedSignature } from '../signature/pack-signature.ts';
import { signPredicateType } from '../signature/predicate-type.ts';
import type { Signature, SignatureFormat } from '../signature/signature.ts';
import { fetchLegacyAttestations, fetchLegacySignatures } from './fetch/legacy-layers.ts';
import { fetchReferrerSignatures } from './fetch/referrers.ts';

/** What else is fetched beside signatures, and who is told of those that cannot be read. */
export interface FetchSignaturesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Predicate types of the attestations to fetch beside signatures; none by default. */
  readonly attestations?: readonly string[];
  /**
   * Called with each signature that has an unsupported format, is too large or incomplete, and with
   * a list of referrers that cannot be read: what it may name is not found, and the legacy tag is
   * looked up all the same.
   */
  readonly onSkipped?: (error: FairleadError) => void;
}

/**
 * Fetches what claims to be a signature or attestation of an artifact: Sigstore bundles among its
 * referrers, and cosign's legacy tags `sha256-<hex>.sig` and `.att`. Nothing of it is verified
 * here. A referrer counts only if its own manifest names the artifact as its subject, so that a
 * list that lies is harmless. What is malformed or over the limits is skipped, whole lists too.
 * Rejects as the target does (a registry out of reach is no proof that there is no signature).
 */
export async function fetchSignatures(
  target: ReadTarget,
  descriptor: Descriptor,
  options: FetchSignaturesOptions = {},
): Promise<Signature[]> {
  const places = [fetchReferredSignatures, fetchTaggedSignatures];
  return (await Promise.all(places.map((fetch) => fetch(target, descriptor, options)))).flat();
}

/** Fetches what fetchSignatures finds among the referrers of an artifact. Rejects as it does. */
export function fetchReferredSignatures(
  target: ReadTarget,
  descriptor: Descriptor,
  { signal, attestations = [], onSkipped }: FetchSignaturesOptions,
): Promise<Signature[]> {
  const wanted = { predicateTypes: new Set([signPredicateType, ...attestations]), isRead: () => true };
  return fetchReferrerSignatures(target, descriptor, wanted, given(signal), onSkipped);
}

/** Fetches what fetchSignatures finds under the legacy tags of an artifact. Rejects as it does. */
export async function fetchTaggedSignatures(
  target: ReadTarget,
  descriptor: Descriptor,
  { signal, attestations = [], onSkipped }: FetchSignaturesOptions,
): Promise<Signature[]> {
  const options = given(signal);
  const found = await Promise.all([
    fetchLegacySignatures(target, descriptor, options, onSkipped),
    attestations.length === 0 ? [] : fetchLegacyAttestations(target, descriptor, attestations, options),
  ]);
  return found.flat();
}

function given(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}

/**
 * Fetches only what is stored in one format exactly as Fairlead writes it, where and with the types
 * by which every reader of that format finds it: signatures, or attestations of another predicate
 * type. It is looked up in the repository itself, not in a mirror. Otherwise as fetchSignatures.
 */
export async function fetchWritten(
  target: ReadTarget,
  descriptor: Descriptor,
  { format, predicateType }: { readonly format: SignatureFormat; readonly predicateType: string },
  call: CallOptions = {},
): Promise<Signature[]> {
  const options = { ...call, fromOrigin: true, asWritten: true };
  if (format === 'bundle') {
    const wanted = { predicateTypes: new Set([predicateType]), isRead: isPackedAs(predicateType) };
    return fetchReferrerSignatures(target, descriptor, wanted, options);
  }
  return predicateType === signPredicateType
    ? fetchLegacySignatures(target, descriptor, options)
    : fetchLegacyAttestations(target, descriptor, [predicateType], options);
}

function isPackedAs(predicateType: string) {
  return (manifest: Parameters<typeof isPackedSignature>[0]): boolean => isPackedSignature(manifest, predicateType);
}
