import type { Blob } from '#lib/artifact/artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { ifThere } from '#lib/registry/if-there';
import { parseManifest } from '#lib/registry/manifest';
import { settleTag } from '#lib/registry/settle-tag';
import type { CallOptions, Target } from '#lib/registry/target';
import {
  assertReadable,
  isSameLayer,
  type LegacyKind,
  legacyTag,
  withLegacyLayer,
} from '../signature/legacy/legacy-manifest.ts';
import { signatureLimits } from '../signature/read/signature-limits.ts';

export interface LegacyRequest {
  /** The artifact that is signed or attested. */
  readonly descriptor: Descriptor;
  readonly kind: LegacyKind;
  /** Makes the layer; called once, and only if the layer can be added. */
  readonly makeLayer: () => Promise<Blob>;
  /** Finds an equivalent layer that exists already (see findHeld). */
  readonly findHeld: () => Promise<Descriptor | undefined>;
}

/** The manifest that carries a signature or attestation. */
export interface Attached extends Descriptor {
  /** True if an equivalent one existed, so that nothing was added. */
  readonly alreadyThere: boolean;
}

/**
 * Adds a layer to the manifest under an artifact's legacy tag and keeps the layers of others. Adds
 * nothing if an equivalent layer exists. Throws InvalidInput if the digest does not fit into a tag,
 * or the tag has other content; LimitExceeded if the manifest is too large; and Conflict if others
 * keep overwriting the tag.
 */
export async function attachLegacy(
  target: Target,
  { descriptor, kind, makeLayer, findHeld }: LegacyRequest,
  options: CallOptions = {},
): Promise<Attached> {
  const tag = legacyTag(descriptor, kind);
  if (tag === undefined) {
    throw new FairleadError(
      'InvalidInput',
      `the legacy format does not support digest ${descriptor.digest}: want sha256`,
      {
        hint: 'Sign in the bundle format, which supports sha512.',
      },
    );
  }
  const held = await findHeld();
  if (held !== undefined) return { ...held, alreadyThere: true };
  // Nothing is signed if the layer cannot be added.
  const before = await find(target, tag, options);
  const layer = await makeLayer();
  // Signing takes time: without this, what others wrote in the meantime would be overwritten.
  const standing = await find(target, tag, options);
  if (standing?.descriptor.digest !== before?.descriptor.digest) {
    const added = await findHeld();
    if (added !== undefined) return { ...added, alreadyThere: true };
  }
  const { descriptor: attached, alreadyThere } = await settleTag<Standing>(
    standing,
    {
      read: () => find(target, tag, options),
      includes: ({ layers }) => layers.some((each) => isSameLayer(each, layer.descriptor)),
      isSame: (one, other) => one.descriptor.digest === other.descriptor.digest,
      async write(found) {
        const written = withLegacyLayer(found?.layers, layer);
        assertReadable(tag, written.manifestBytes.length);
        await pushArtifact(target, written, undefined, tag, options);
        return { descriptor: written.descriptor, layers: written.manifest.layers, alreadyThere: false };
      },
      // The same signer, elsewhere at the same time, may have overwritten it.
      async findReplacement() {
        const other = await findHeld();
        return other && { descriptor: other, layers: [], alreadyThere: true };
      },
    },
    { ...options, name: `tag ${tag}`, hint: 'Others are signing the same artifact. Try again.' },
  );
  return { ...attached, alreadyThere };
}

/** The manifest under a tag: each layer is one signature or attestation. */
interface Standing {
  readonly descriptor: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly alreadyThere: boolean;
}

async function find(target: Target, tag: string, options: CallOptions): Promise<Standing | undefined> {
  // A mirror may be out of date: what others added since would be lost.
  const descriptor = await ifThere(target.resolve(tag, { ...options, fromOrigin: true }));
  if (descriptor === undefined) return undefined;
  if (descriptor.mediaType !== mediaTypes.manifest) {
    throw new FairleadError(
      'InvalidInput',
      `tag ${tag} has media type ${descriptor.mediaType}: want a manifest of signatures`,
      {
        hint: 'Nothing was changed. Inspect the content of the tag, and remove it if it is not needed.',
      },
    );
  }
  assertReadable(tag, descriptor.size);
  const bytes = await fetchBytes(target, descriptor, { ...options, limit: signatureLimits.legacyManifestBytes });
  return { descriptor, layers: parseManifest(bytes, `signatures under tag ${tag}`).layers, alreadyThere: false };
}
