import type { Artifact, Blob } from '#lib/artifact/artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { pause } from '#lib/network/transport';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import type { CallOptions, Target } from '#lib/registry/target';
import {
  assertReadable,
  isSameLayer,
  type LegacyKind,
  legacyTag,
  withLegacyLayer,
} from '../signature/legacy/legacy-manifest.ts';
import { signatureLimits } from '../signature/signature-limits.ts';

export interface LegacyRequest {
  /** The artifact that is signed or attested. */
  readonly descriptor: Descriptor;
  readonly kind: LegacyKind;
  /** Makes the layer; asked once, when it is known that there is a place for it. */
  readonly makeLayer: () => Promise<Blob>;
  /** Finds a layer that says the same already (see findHeld). */
  readonly findHeld: () => Promise<Descriptor | undefined>;
}

/** The manifest that carries a signature or attestation. */
export interface Attached extends Descriptor {
  /** True where one that says the same was there, so that nothing was added. */
  readonly alreadyThere: boolean;
}

/** How often a tag is looked at until others are done with it. */
const looks = 64;

/**
 * Adds a layer to what stands under an artifact's legacy tag, beside those of others, unless one
 * that says the same is there. Throws InvalidInput where a tag cannot hold the digest, or something
 * else stands there, LimitExceeded where what is there is too large, and Conflict where others keep
 * writing over it.
 */
export async function attachLegacy(
  target: Target,
  { descriptor, kind, makeLayer, findHeld }: LegacyRequest,
  options: CallOptions = {},
): Promise<Attached> {
  const tag = legacyTag(descriptor, kind);
  if (tag === undefined) {
    throw new FairleadError('InvalidInput', `the legacy form has no place for signatures of ${descriptor.digest}`, {
      hint: 'Sign in the bundle format: it knows sha512.',
    });
  }
  const held = await findHeld();
  if (held !== undefined) return { ...held, alreadyThere: true };
  let standing = await find(target, tag, options);
  const layer = await makeLayer();
  const isThere = (found: Standing | undefined): found is Standing =>
    found?.manifest.layers.some((each) => isSameLayer(each, layer.descriptor)) ?? false;
  let round = 0;
  for (let look = 0; look < looks; look++) {
    if (!isThere(standing)) {
      // The same signer, at the same time elsewhere, may be who wrote over it.
      const other = look > 0 ? await findHeld() : undefined;
      if (other !== undefined) return { ...other, alreadyThere: true };
      const began = performance.now();
      if (look > 0) standing = await find(target, tag, options);
      const written = withLegacyLayer(standing?.manifest, layer);
      assertReadable(tag, written.manifestBytes.length);
      await pushArtifact(target, written, undefined, tag, options);
      standing = written;
      round = Math.max(round, performance.now() - began);
    }
    // A registry does not compare before it sets: by the end of this, who had read the tag before
    // us has written it too.
    await pause(2 * round * (1 + Math.random()), options.signal);
    const now = await find(target, tag, options);
    if (isThere(now) && now.descriptor.digest === standing?.descriptor.digest) {
      return { ...now.descriptor, alreadyThere: false };
    }
    standing = now;
  }
  throw new FairleadError('Conflict', `tag ${tag} never came to rest while it was changed`, {
    hint: 'Others sign the same artifact at the same time. Try again.',
  });
}

/** What stands under a tag. */
type Standing = Pick<Artifact, 'descriptor' | 'manifest'>;

async function find(target: Target, tag: string, options: CallOptions): Promise<Standing | undefined> {
  let descriptor: Descriptor;
  try {
    // A mirror may have what stood there before: what others have added since would be lost.
    descriptor = await target.resolve(tag, { ...options, fromOrigin: true });
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'NotFound') return undefined;
    throw error;
  }
  if (descriptor.mediaType !== mediaTypes.manifest) {
    throw new FairleadError('InvalidInput', `tag ${tag} holds ${descriptor.mediaType}, where signatures belong`, {
      hint: 'Nothing was changed. Look at what stands there, and remove it if it is of no use.',
    });
  }
  assertReadable(tag, descriptor.size);
  const bytes = await fetchBytes(target, descriptor, { ...options, limit: signatureLimits.legacyManifestBytes });
  return { descriptor, manifest: parseManifest(bytes, `signatures under tag ${tag}`) };
}
