import { type CopyOptions, copyGraph, copyTagged } from '#lib/registry/copy';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { type Digest, digestParts } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { linksOf } from '#lib/registry/graph';
import { ifThere } from '#lib/registry/if-there';
import { isManifestMediaType, manifestBytesLimit } from '#lib/registry/manifest';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { CallOptions, ReadTarget, Target } from '#lib/registry/target';
import { legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { copyLegacy } from './copy-legacy.ts';

/** Options of {@link copySigned}. */
export interface SignedCopyOptions extends Omit<CopyOptions, 'withReferrers'> {
  /** The tags of the copy. */
  readonly tags: readonly string[];
}

/**
 * Copies an artifact from one repository to another with everything attached to it: referrers of
 * every level, and the content of cosign 2's tags, also that of the manifests of an index. The
 * target keeps its own signatures and attestations under those tags; its bill of materials is
 * replaced. `tags` are set last, so that none refers to an artifact whose signatures are missing.
 * Rejects as copyGraph, and with InvalidInput for a reserved tag.
 */
export async function copySigned(
  source: ReadTarget,
  target: Target,
  artifact: Descriptor,
  { tags, ...options }: SignedCopyOptions,
): Promise<void> {
  for (const tag of tags) refuseReservedTag(tag);
  const { sourceTags } = options;
  const [first, ...others] = tags;
  if (first !== undefined && sourceTags !== undefined && hasNoLegacy(artifact, sourceTags)) {
    await copyTagged(source, target, { descriptor: artifact }, first, { ...options, withReferrers: true });
    for (const tag of others) await target.tag(artifact, tag, callOf(options));
    return;
  }
  await copyGraph(source, target, artifact, { ...options, withReferrers: true });
  const call = callOf(options);
  const isThere = (tag: string | undefined): tag is string => tag !== undefined && sourceTags?.has(tag) !== false;
  for (const subject of [artifact, ...(await manifestsOf(source, artifact, call))]) {
    for (const tag of [legacyTag(subject, 'sig'), legacyTag(subject, 'att')]) {
      if (isThere(tag)) await copyLegacy(source, target, { artifact: subject, tag }, options);
    }
    const tag = billOfMaterialsTag(subject.digest);
    const found = isThere(tag) ? await ifThere(source.resolve(tag, call)) : undefined;
    if (tag === undefined || found === undefined) continue;
    await copyGraph(source, target, found, { ...options, withReferrers: false });
    await target.tag(found, tag, call);
  }
  for (const tag of tags) await target.tag(artifact, tag, call);
}

/**
 * Reports whether a source has nothing of cosign 2 for an artifact. The manifests of an index may
 * be signed by themselves.
 */
function hasNoLegacy(artifact: Descriptor, sourceTags: ReadonlySet<string>): boolean {
  if (artifact.mediaType !== mediaTypes.manifest) return false;
  const tags = [legacyTag(artifact, 'sig'), legacyTag(artifact, 'att'), billOfMaterialsTag(artifact.digest)];
  return tags.every((tag) => tag === undefined || !sourceTags.has(tag));
}

function callOf({ signal }: CallOptions): CallOptions {
  return signal === undefined ? {} : { signal };
}

/** Returns the manifests that an index lists: each may be signed by itself. */
async function manifestsOf(source: ReadTarget, artifact: Descriptor, call: CallOptions): Promise<Descriptor[]> {
  if (artifact.mediaType === mediaTypes.manifest) return [];
  const bytes = await fetchBytes(source, artifact, { ...call, limit: manifestBytesLimit });
  const { children } = linksOf(artifact.mediaType, bytes, artifact.digest);
  return children.filter(({ mediaType }) => isManifestMediaType(mediaType));
}

/**
 * Returns the tag under which `cosign attach sbom` stores a bill of materials; undefined if the
 * digest does not fit into a tag (sha512).
 */
function billOfMaterialsTag(digest: Digest): string | undefined {
  const { algorithm, hex } = digestParts(digest);
  return algorithm === 'sha256' ? `${algorithm}-${hex}.sbom` : undefined;
}
