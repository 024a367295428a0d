import type { FairleadError } from '#lib/errors';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import type { CallOptions, ReadTarget, ReferrerOptions } from '#lib/registry/target';
import { legacyPayloadMediaType } from '../../signature/legacy/legacy-payload.ts';
import { signatureLimits } from '../../signature/read/signature-limits.ts';
import {
  cosignSignatureType,
  predicateTypeAnnotation,
  readBundleMediaTypes,
  type Signature,
} from '../../signature/signature.ts';
import { fetchIfUsable, fetchManifest, ifUsable, unreadableSignature } from './if-usable.ts';
import { fetchSignatureLayers, isLegacySignature } from './legacy-layers.ts';

const concurrency = 8;

/** Which referrers are read. */
export interface WantedReferrers {
  /** Predicate types. */
  readonly predicateTypes: ReadonlySet<string>;
  readonly isRead: (manifest: Manifest) => boolean;
}

/** Fetches the signatures and attestations among the referrers of an artifact. */
export async function fetchReferrerSignatures(
  target: ReadTarget,
  subject: Descriptor,
  wanted: WantedReferrers,
  options: ReferrerOptions,
  onSkipped?: (error: FairleadError) => void,
): Promise<Signature[]> {
  const listed = (await ifUsable(target.referrers(subject, options), onSkipped)) ?? [];
  const candidates = candidatesOf(listed, wanted);
  const reader = new ReferrerReader(target, subject, wanted, options);
  const found: Signature[] = [];
  const began = performance.now();
  let bytes = 0;
  for (let start = 0; start < candidates.length; start += concurrency) {
    const spent = bytes >= signatureLimits.moreBytes || performance.now() - began > signatureLimits.moreTime;
    if (spent && start >= signatureLimits.manifests) break;
    const opened = candidates.slice(start, start + concurrency).map((each) => reader.read(each));
    for (const { signatures, skipped } of await Promise.all(opened)) {
      if (skipped !== undefined) onSkipped?.(skipped);
      found.push(...signatures);
      bytes += signatures.reduce((sum, signature) => sum + sizeOf(signature), 0);
    }
  }
  return found;
}

/**
 * Returns the referrers to read, in this order. Which artifactType a list has for them depends on
 * who wrote it (cosign's own fallback index names the empty config), so that it decides only which
 * are read first.
 */
function candidatesOf(listed: readonly Descriptor[], { predicateTypes }: WantedReferrers): readonly Descriptor[] {
  return listed
    .slice(0, signatureLimits.referrers)
    .filter(({ mediaType, size }) => mediaType === mediaTypes.manifest && size <= signatureLimits.manifestBytes)
    .map((descriptor) => ({ descriptor, order: readingOrder(descriptor, predicateTypes) }))
    .sort((a, b) => a.order - b.order)
    .slice(0, signatureLimits.moreManifests)
    .filter(({ order }, index) => order <= looksLikeSignature || index < signatureLimits.manifests)
    .map(({ descriptor }) => descriptor);
}

/** The last place in the order that has entries named as signatures or attestations. */
const looksLikeSignature = 1;

function readingOrder({ artifactType, annotations }: Descriptor, wanted: ReadonlySet<string>): number {
  if (wanted.has(annotations?.[predicateTypeAnnotation] ?? '')) return 0;
  if (readBundleMediaTypes.includes(artifactType ?? '') || artifactType === cosignSignatureType)
    return looksLikeSignature;
  return artifactType === undefined || artifactType === mediaTypes.emptyConfig ? 2 : 3;
}

function sizeOf(signature: Signature): number {
  if (signature.format === 'bundle') return signature.bundle.length + (signature.message?.length ?? 0);
  return signature.format === 'legacy' ? signature.payload.length : signature.envelope.length;
}

/** What a referrer contains. */
interface ReadReferrer {
  readonly signatures: readonly Signature[];
  /** Names it, if it is a signature that cannot be read. */
  readonly skipped?: FairleadError;
}

const noSignature: ReadReferrer = { signatures: [] };

/** Reads the referrers of one artifact. */
class ReferrerReader {
  readonly #target: ReadTarget;
  readonly #subject: Descriptor;
  readonly #wanted: WantedReferrers;
  readonly #options: CallOptions;
  #message: Promise<Uint8Array | undefined> | undefined;

  constructor(target: ReadTarget, subject: Descriptor, wanted: WantedReferrers, options: CallOptions) {
    this.#target = target;
    this.#subject = subject;
    this.#wanted = wanted;
    this.#options = options;
  }

  async read(descriptor: Descriptor): Promise<ReadReferrer> {
    const manifest = await fetchManifest(this.#target, descriptor, signatureLimits.manifestBytes, this.#options);
    if (manifest === undefined || !this.#isWanted(manifest)) return noSignature;
    const read = manifest.layers.some(({ mediaType }) => mediaType === legacyPayloadMediaType)
      ? await this.#readLegacy(descriptor, manifest)
      : await this.#readBundle(descriptor, manifest);
    return typeof read === 'string'
      ? { signatures: [], skipped: unreadableSignature(descriptor.digest, typeOf(manifest), read) }
      : { signatures: read };
  }

  #isWanted(manifest: Manifest): boolean {
    const predicateType = manifest.annotations?.[predicateTypeAnnotation];
    return (
      manifest.subject?.digest === this.#subject.digest &&
      (predicateType === undefined || this.#wanted.predicateTypes.has(predicateType)) &&
      this.#wanted.isRead(manifest)
    );
  }

  /** Returns the signatures in a manifest of cosign 2, or why they cannot be read. */
  async #readLegacy(descriptor: Descriptor, manifest: Manifest): Promise<readonly Signature[] | string> {
    const layers = manifest.layers.filter(isLegacySignature).slice(-signatureLimits.referrerLayers);
    const bytes = layers.reduce((sum, { size }) => sum + size, 0);
    if (bytes > signatureLimits.bundleBytes) return tooLarge;
    const found = await fetchSignatureLayers(this.#target, { descriptor, layers }, this.#options);
    return found.length === 0 ? 'contains no signature' : found;
  }

  /** Returns the bundle in a manifest, or why it cannot be read; nothing if it is no signature. */
  async #readBundle({ digest }: Descriptor, manifest: Manifest): Promise<readonly Signature[] | string> {
    const [layer, ...more] = manifest.layers;
    if (layer === undefined || !readBundleMediaTypes.includes(layer.mediaType))
      return namesSignature(manifest) ? 'has an unsupported format' : [];
    if (more.length > 0) return 'has more than one layer';
    if (layer.size > signatureLimits.bundleBytes) return tooLarge;
    const bundle = await fetchIfUsable(this.#target, layer, signatureLimits.bundleBytes, this.#options);
    if (bundle === undefined) return 'is incomplete';
    // Those that sign the manifest itself, and not a statement of its digest, are verified with its
    // bytes.
    const message = Buffer.from(bundle).includes('"messageSignature"') ? await this.#fetchMessage() : undefined;
    return [{ format: 'bundle', manifest: digest, bundle, ...(message === undefined ? {} : { message }) }];
  }

  /** Fetches the manifest of the artifact, once; undefined if it is too large. */
  #fetchMessage(): Promise<Uint8Array | undefined> {
    const limit = signatureLimits.manifestBytes;
    if (this.#subject.size > limit) return Promise.resolve(undefined);
    this.#message ??= fetchIfUsable(this.#target, this.#subject, limit, this.#options);
    return this.#message;
  }
}

const tooLarge = `has more than ${signatureLimits.bundleBytes} bytes`;

/** Returns the type by which the manifest of a signature is known. */
function typeOf({ artifactType, config, layers }: Manifest): string {
  const named = artifactType ?? config.mediaType;
  return (named === mediaTypes.emptyConfig ? layers[0]?.mediaType : undefined) ?? named;
}

/**
 * Reports whether something that is not supported is named as a signature: of Notary Project, of a
 * later version of Sigstore, and so on.
 */
function namesSignature({ artifactType = '', config, layers }: Manifest): boolean {
  const types = [artifactType, config.mediaType, ...layers.map(({ mediaType }) => mediaType)];
  return types.some((type) =>
    /sigstore|cosign\.artifact\.sig|simplesigning|notary|signature|pgp|gpg|pkcs7/i.test(type),
  );
}
