import type { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import type { CallOptions, LookupOptions, ReadTarget } from '#lib/registry/target';
import { legacyEnvelopeMediaType, legacyPredicateAnnotation } from '../../signature/legacy/legacy-attestation.ts';
import { type LegacyKind, legacyTag } from '../../signature/legacy/legacy-manifest.ts';
import { legacyPayloadMediaType, legacySignatureAnnotation } from '../../signature/legacy/legacy-payload.ts';
import { signatureLimits } from '../../signature/read/signature-limits.ts';
import type { Signature } from '../../signature/signature.ts';
import { fetchIfUsable, fetchManifest, ifUsable, unreadableSignature } from './if-usable.ts';

/** Fetches the signatures under the legacy tag (`.sig`) of an artifact. */
export async function fetchLegacySignatures(
  target: ReadTarget,
  subject: Descriptor,
  options: LookupOptions,
  onSkipped?: (error: FairleadError) => void,
): Promise<Signature[]> {
  const found = await fetchLegacyLayers(target, { subject, kind: 'sig' }, options, isLegacySignature, onSkipped);
  return found.map(legacySignature);
}

/** Fetches the attestations of these predicate types under the legacy tag of an artifact. */
export async function fetchLegacyAttestations(
  target: ReadTarget,
  subject: Descriptor,
  wanted: readonly string[],
  options: LookupOptions,
): Promise<Signature[]> {
  const isWanted = (layer: Descriptor): boolean => {
    const predicateType = layer.annotations?.[legacyPredicateAnnotation];
    if (predicateType !== undefined && !wanted.includes(predicateType)) return false;
    return isLegacyLayer(layer, legacyEnvelopeMediaType, signatureLimits.bundleBytes);
  };
  const found = await fetchLegacyLayers(target, { subject, kind: 'att' }, options, isWanted);
  return found.map(({ bytes, ...rest }) => ({ format: 'legacy-attestation', envelope: bytes, ...rest }));
}

/**
 * Fetches the signatures in these layers of a manifest: at most the last 128, because signers
 * append theirs.
 */
export async function fetchSignatureLayers(
  target: ReadTarget,
  manifest: LayeredManifest,
  options: CallOptions,
): Promise<Signature[]> {
  return (await fetchLayers(target, manifest, options, isLegacySignature)).map(legacySignature);
}

/** Reports whether a layer is a signature in the legacy format, of a size that is read. */
export function isLegacySignature(layer: Descriptor): boolean {
  return isLegacyLayer(layer, legacyPayloadMediaType, signatureLimits.legacyPayloadBytes);
}

/** A manifest of legacy signatures. */
export interface LayeredManifest {
  readonly descriptor: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** The content of a layer that holds a legacy signature or attestation. */
interface LegacyLayer {
  readonly manifest: Digest;
  readonly bytes: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

async function fetchLegacyLayers(
  target: ReadTarget,
  { subject, kind }: { readonly subject: Descriptor; readonly kind: LegacyKind },
  options: LookupOptions,
  isWanted: (layer: Descriptor) => boolean,
  onSkipped?: (error: FairleadError) => void,
): Promise<LegacyLayer[]> {
  const tag = legacyTag(subject, kind);
  if (tag === undefined) return [];
  const descriptor = await ifUsable(target.resolve(tag, options));
  if (descriptor === undefined) return [];
  const { mediaType, size, digest } = descriptor;
  const manifest =
    mediaType === mediaTypes.manifest && size <= signatureLimits.legacyManifestBytes
      ? await fetchManifest(target, descriptor, signatureLimits.legacyManifestBytes, options)
      : undefined;
  const layers = manifest?.layers ?? [];
  const found = await fetchLayers(target, { descriptor, layers }, options, isWanted);
  if (found.length === 0)
    onSkipped?.(unreadableSignature(digest, `${mediaType} under tag ${tag}`, 'contains no signature that can be read'));
  return found;
}

async function fetchLayers(
  target: ReadTarget,
  { descriptor, layers }: LayeredManifest,
  options: CallOptions,
  isWanted: (layer: Descriptor) => boolean,
): Promise<LegacyLayer[]> {
  const found: LegacyLayer[] = [];
  // Signatures of the same artifact mostly have the same payload; the size in a layer may be wrong.
  const contents = new Map<string, Uint8Array | undefined>();
  for (const layer of layers.filter(isWanted).slice(-signatureLimits.legacyLayers)) {
    const content = `${layer.digest} ${layer.size}`;
    if (!contents.has(content)) contents.set(content, await fetchIfUsable(target, layer, layer.size, options));
    const bytes = contents.get(content);
    if (bytes !== undefined) found.push({ manifest: descriptor.digest, bytes, annotations: layer.annotations ?? {} });
  }
  return found;
}

function isLegacyLayer({ mediaType, size, annotations }: Descriptor, expected: string, limit: number): boolean {
  return mediaType === expected && size <= limit && annotations?.[legacySignatureAnnotation] !== undefined;
}

function legacySignature({ bytes, ...rest }: LegacyLayer): Signature {
  return { format: 'legacy', payload: bytes, ...rest };
}
