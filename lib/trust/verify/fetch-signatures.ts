import { type ErrorKind, FairleadError } from '#lib/errors';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import type { CallOptions, LookupOptions, ReadTarget } from '#lib/registry/target';
import { legacyEnvelopeMediaType, legacyPredicateAnnotation } from '../signature/legacy/legacy-attestation.ts';
import { type LegacyKind, legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { legacyPayloadMediaType, legacySignatureAnnotation } from '../signature/legacy/legacy-payload.ts';
import { isPackedSignature } from '../signature/pack-signature.ts';
import { signPredicateType } from '../signature/predicate-type.ts';
import { signatureLimits } from '../signature/read/signature-limits.ts';
import {
  cosignSignatureType,
  predicateTypeAnnotation,
  readBundleMediaTypes,
  type Signature,
  type SignatureFormat,
} from '../signature/signature.ts';

const concurrency = 8;

export interface FetchSignaturesOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * Predicate types of the attestations that are looked for beside signatures; without any, none
   * is.
   */
  readonly attestations?: readonly string[];
  /**
   * Told of a list of referrers that cannot be read (what it may name is not found, and the other
   * form is looked for all the same), and of each signature that is there in a form that is not
   * read, or that is too large or not whole.
   */
  readonly onPassedOver?: (error: FairleadError) => void;
}

/**
 * Fetches what claims to be a signature or attestation of an artifact: Sigstore bundles among its
 * referrers, and cosign's legacy tags `sha256-<hex>.sig` and `.att`. Nothing of it is verified
 * here. A referrer counts only where its own manifest names the artifact as subject, so a list that
 * lies is harmless; what is malformed or over the limits is left out, whole lists too. Rejects with
 * whatever the target rejects with (a registry out of reach is no proof that there is no
 * signature).
 */
export async function fetchSignatures(
  target: ReadTarget,
  descriptor: Descriptor,
  { signal, attestations = [], onPassedOver }: FetchSignaturesOptions = {},
): Promise<Signature[]> {
  const options: CallOptions = signal === undefined ? {} : { signal };
  const wanted = new Set([signPredicateType, ...attestations]);
  const found = await Promise.all([
    fetchBundles(target, descriptor, { wanted, isRead: () => true }, options, onPassedOver),
    fetchLegacySignatures(target, descriptor, options, onPassedOver),
    attestations.length === 0 ? [] : fetchLegacyAttestations(target, descriptor, attestations, options),
  ]);
  return found.flat();
}

/**
 * Fetches only what is stored as it is written in one form, in the place and with the types by
 * which every reader of that form finds it: signatures, or attestations of another predicate type.
 * It is looked for where it is pushed to. In all else as fetchSignatures.
 */
export async function fetchWritten(
  target: ReadTarget,
  descriptor: Descriptor,
  { format, predicateType }: { readonly format: SignatureFormat; readonly predicateType: string },
  call: CallOptions = {},
): Promise<Signature[]> {
  const options = { ...call, fromOrigin: true };
  if (format === 'bundle') {
    const isRead = (manifest: Manifest): boolean => isPackedSignature(manifest, predicateType);
    return fetchBundles(target, descriptor, { wanted: new Set([predicateType]), isRead }, options);
  }
  return predicateType === signPredicateType
    ? fetchLegacySignatures(target, descriptor, options)
    : fetchLegacyAttestations(target, descriptor, [predicateType], options);
}

/** Which referrers are read. */
interface WantedReferrers {
  /** Predicate types. */
  readonly wanted: ReadonlySet<string>;
  readonly isRead: (manifest: Manifest) => boolean;
}

async function fetchBundles(
  target: ReadTarget,
  subject: Descriptor,
  { wanted, isRead }: WantedReferrers,
  options: LookupOptions,
  onPassedOver?: FetchSignaturesOptions['onPassedOver'],
): Promise<Signature[]> {
  const listed = (await ifUsable(target.referrers(subject, options), onPassedOver)) ?? [];
  // Which artifactType a list gives depends on who wrote it (cosign's own fallback index names the
  // empty config), so it only decides what is opened first.
  const candidates = listed
    .slice(0, signatureLimits.referrers)
    .filter(({ mediaType, size }) => mediaType === mediaTypes.manifest && size <= signatureLimits.manifestBytes)
    .map((descriptor) => ({ descriptor, order: openingOrder(descriptor, wanted) }))
    .sort((a, b) => a.order - b.order)
    .slice(0, signatureLimits.moreManifests)
    .filter(({ order }, index) => order <= looksLikeSignature || index < signatureLimits.manifests)
    .map(({ descriptor }) => descriptor);
  const found: Signature[] = [];
  let fetched: Promise<Uint8Array | undefined> | undefined;
  const message = (): Promise<Uint8Array | undefined> => {
    if (subject.size > signatureLimits.manifestBytes) return Promise.resolve(undefined);
    fetched ??= fetchIfThere(target, subject, signatureLimits.manifestBytes, options);
    return fetched;
  };
  const began = performance.now();
  let bytes = 0;
  for (let start = 0; start < candidates.length; start += concurrency) {
    const spent = bytes >= signatureLimits.moreBytes || performance.now() - began > signatureLimits.moreTime;
    if (spent && start >= signatureLimits.manifests) break;
    const opened = candidates
      .slice(start, start + concurrency)
      .map((each) => openReferrer(target, each, { subject, wanted, isRead, message }, options));
    for (const { signatures, passedOver } of await Promise.all(opened)) {
      if (passedOver !== undefined) onPassedOver?.(passedOver);
      for (const signature of signatures) {
        bytes += sizeOf(signature);
        found.push(signature);
      }
    }
  }
  return found;
}

function sizeOf(signature: Signature): number {
  if (signature.format === 'bundle') return signature.bundle.length + (signature.message?.length ?? 0);
  return signature.format === 'legacy' ? signature.payload.length : signature.envelope.length;
}

/** The last place in the order of what its list entry calls a signature or an attestation. */
const looksLikeSignature = 1;

function openingOrder({ artifactType, annotations }: Descriptor, wanted: ReadonlySet<string>): number {
  if (wanted.has(annotations?.[predicateTypeAnnotation] ?? '')) return 0;
  if (readBundleMediaTypes.includes(artifactType ?? '') || artifactType === cosignSignatureType)
    return looksLikeSignature;
  return artifactType === undefined || artifactType === mediaTypes.emptyConfig ? 2 : 3;
}

/** What a referrer comes to. */
interface OpenedReferrer {
  readonly signatures: readonly Signature[];
  /** Says what it is, where it is a signature and none that can be read. */
  readonly passedOver?: FairleadError;
}

const noSignature: OpenedReferrer = { signatures: [] };

async function openReferrer(
  target: ReadTarget,
  descriptor: Descriptor,
  {
    subject,
    wanted,
    isRead,
    message,
  }: WantedReferrers & {
    readonly subject: Descriptor;
    /** Gives the artifact's manifest; undefined where it is too large. */
    readonly message: () => Promise<Uint8Array | undefined>;
  },
  options: CallOptions,
): Promise<OpenedReferrer> {
  const manifest = await fetchManifest(target, descriptor, signatureLimits.manifestBytes, options);
  if (manifest?.subject?.digest !== subject.digest) return noSignature;
  const predicateType = manifest.annotations?.[predicateTypeAnnotation];
  if ((predicateType !== undefined && !wanted.has(predicateType)) || !isRead(manifest)) return noSignature;
  const unread = (reason: string): OpenedReferrer => ({
    signatures: [],
    passedOver: unreadSignature(descriptor.digest, typeOf(manifest), reason),
  });
  const [layer, ...more] = manifest.layers;
  if (manifest.layers.some(({ mediaType }) => mediaType === legacyPayloadMediaType)) {
    const layers = manifest.layers.filter(isLegacySignature).slice(-signatureLimits.referrerLayers);
    if (layers.reduce((sum, { size }) => sum + size, 0) > signatureLimits.bundleBytes) {
      return unread(`has more than ${signatureLimits.bundleBytes} bytes`);
    }
    const found = await fetchLayers(target, { descriptor, layers }, options, isLegacySignature);
    return found.length === 0 ? unread('has no signature in it') : { signatures: found.map(legacySignature) };
  }
  if (layer === undefined || !readBundleMediaTypes.includes(layer.mediaType))
    return namesSignature(manifest) ? unread('is in a form that is not read') : noSignature;
  if (more.length > 0) return unread('has more than one layer');
  if (layer.size > signatureLimits.bundleBytes) return unread(`has more than ${signatureLimits.bundleBytes} bytes`);
  const bundle = await fetchIfThere(target, layer, signatureLimits.bundleBytes, options);
  if (bundle === undefined) return unread('is not whole');
  // Those that sign the manifest itself, and not a statement of its digest, are verified with its
  // bytes.
  const signed = Buffer.from(bundle).includes('"messageSignature"') ? await message() : undefined;
  return {
    signatures: [
      {
        format: 'bundle',
        manifest: descriptor.digest,
        bundle,
        ...(signed === undefined ? {} : { message: signed }),
      },
    ],
  };
}

/** The type that a manifest of a signature gives itself. */
function typeOf({ artifactType, config, layers }: Manifest): string {
  const told = artifactType ?? config.mediaType;
  return (told === mediaTypes.emptyConfig ? layers[0]?.mediaType : undefined) ?? told;
}

/**
 * Says whether something that is not read calls itself a signature: of Notary Project, of a later
 * version of Sigstore, and so on.
 */
function namesSignature({ artifactType = '', config, layers }: Manifest): boolean {
  const types = [artifactType, config.mediaType, ...layers.map(({ mediaType }) => mediaType)];
  return types.some((type) =>
    /sigstore|cosign\.artifact\.sig|simplesigning|notary|signature|pgp|gpg|pkcs7/i.test(type),
  );
}

function unreadSignature(digest: Digest, type: string, reason: string): FairleadError {
  return new FairleadError('SignatureInvalid', `${digest} (${type.slice(0, 160)}) ${reason}`);
}

async function fetchLegacySignatures(
  target: ReadTarget,
  subject: Descriptor,
  options: LookupOptions,
  onPassedOver?: FetchSignaturesOptions['onPassedOver'],
): Promise<Signature[]> {
  const found = await fetchLegacyLayers(target, { subject, kind: 'sig' }, options, isLegacySignature, onPassedOver);
  return found.map(legacySignature);
}

function isLegacySignature(layer: Descriptor): boolean {
  return isLegacyLayer(layer, legacyPayloadMediaType, signatureLimits.legacyPayloadBytes);
}

function legacySignature({ bytes, ...rest }: LegacyLayer): Signature {
  return { format: 'legacy', payload: bytes, ...rest };
}

async function fetchLegacyAttestations(
  target: ReadTarget,
  subject: Descriptor,
  wanted: readonly string[],
  options: LookupOptions,
): Promise<Signature[]> {
  const { bundleBytes: limit } = signatureLimits;
  const found = await fetchLegacyLayers(target, { subject, kind: 'att' }, options, (layer) => {
    const predicateType = layer.annotations?.[legacyPredicateAnnotation];
    if (predicateType !== undefined && !wanted.includes(predicateType)) return false;
    return isLegacyLayer(layer, legacyEnvelopeMediaType, limit);
  });
  return found.map(({ bytes, ...rest }) => ({ format: 'legacy-attestation', envelope: bytes, ...rest }));
}

function isLegacyLayer({ mediaType, size, annotations }: Descriptor, expected: string, limit: number): boolean {
  return mediaType === expected && size <= limit && annotations?.[legacySignatureAnnotation] !== undefined;
}

/** The content of a layer that holds a legacy signature or attestation. */
interface LegacyLayer {
  readonly manifest: Digest;
  readonly bytes: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The layers under a legacy tag that are of the kind that is looked for. */
async function fetchLegacyLayers(
  target: ReadTarget,
  { subject, kind }: { readonly subject: Descriptor; readonly kind: LegacyKind },
  options: LookupOptions,
  isWanted: (layer: Descriptor) => boolean,
  onPassedOver?: FetchSignaturesOptions['onPassedOver'],
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
  if (found.length === 0) onPassedOver?.(unreadSignature(digest, `${mediaType} under tag ${tag}`, 'is not read'));
  return found;
}

/**
 * The layers of a manifest of legacy signatures that are wanted: the last ones, since signers add
 * their layer at the end.
 */
async function fetchLayers(
  target: ReadTarget,
  { descriptor, layers }: { readonly descriptor: Descriptor; readonly layers: readonly Descriptor[] },
  options: CallOptions,
  isWanted: (layer: Descriptor) => boolean,
): Promise<LegacyLayer[]> {
  const found: LegacyLayer[] = [];
  // Signatures of the same artifact are mostly of the same payload; what else a layer says of it
  // may be wrong.
  const contents = new Map<string, Uint8Array | undefined>();
  for (const layer of layers.filter(isWanted).slice(-signatureLimits.legacyLayers)) {
    const content = `${layer.digest} ${layer.size}`;
    if (!contents.has(content)) contents.set(content, await fetchIfThere(target, layer, layer.size, options));
    const bytes = contents.get(content);
    if (bytes !== undefined) found.push({ manifest: descriptor.digest, bytes, annotations: layer.annotations ?? {} });
  }
  return found;
}

async function fetchManifest(
  target: ReadTarget,
  descriptor: Descriptor,
  limit: number,
  options: CallOptions,
): Promise<Manifest | undefined> {
  const bytes = await fetchIfThere(target, descriptor, limit, options);
  if (bytes === undefined) return undefined;
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'InvalidInput') return undefined;
    throw error;
  }
}

function fetchIfThere(
  target: ReadTarget,
  descriptor: Descriptor,
  limit: number,
  options: CallOptions,
): Promise<Uint8Array | undefined> {
  return ifUsable(fetchBytes(target, descriptor, { ...options, limit }));
}

/**
 * What is not there, and what anybody may have pushed and nobody can read: a manifest of no known
 * type or too large a one under the legacy tag, content longer or shorter than its descriptor says.
 */
const unusable: readonly ErrorKind[] = ['NotFound', 'InvalidInput', 'LimitExceeded'];

async function ifUsable<T>(promise: Promise<T>, onUnusable?: (error: FairleadError) => void): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof FairleadError && unusable.includes(error.kind))) throw error;
    onUnusable?.(error);
    return undefined;
  }
}
