import { type CopyOptions, copyGraph } from '#lib/registry/copy';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, digestParts } from '#lib/registry/digest';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { ReadTarget, Target } from '#lib/registry/target';
import { legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { copyLegacy, resolveIfThere } from './copy-legacy.ts';

/**
 * Copies an artifact from one repository to another with everything attached to it: referrers of
 * every level, and the content of cosign 2's tags. The target keeps its own signatures and
 * attestations under those tags; its bill of materials is replaced. `tags` are set last, so that
 * none refers to an artifact whose signatures are missing. Rejects as copyGraph, and with
 * InvalidInput for a reserved tag.
 */
export async function copySigned(
  source: ReadTarget,
  target: Target,
  artifact: Descriptor,
  { tags, ...options }: Omit<CopyOptions, 'withReferrers'> & { readonly tags: readonly string[] },
): Promise<void> {
  for (const tag of tags) refuseReservedTag(tag);
  await copyGraph(source, target, artifact, { ...options, withReferrers: true });
  const call = options.signal === undefined ? {} : { signal: options.signal };
  for (const kind of ['sig', 'att'] as const) {
    const tag = legacyTag(artifact, kind);
    if (tag !== undefined) await copyLegacy(source, target, { artifact, tag }, options);
  }
  const billOfMaterials = billOfMaterialsTag(artifact.digest);
  const found = billOfMaterials === undefined ? undefined : await resolveIfThere(source, billOfMaterials, call);
  if (billOfMaterials !== undefined && found !== undefined) {
    await copyGraph(source, target, found, { ...options, withReferrers: false });
    await target.tag(found, billOfMaterials, call);
  }
  for (const tag of tags) await target.tag(artifact, tag, call);
}

/**
 * Returns the tag under which `cosign attach sbom` stores a bill of materials; undefined if the
 * digest does not fit into a tag (sha512).
 */
function billOfMaterialsTag(digest: Digest): string | undefined {
  const { algorithm, hex } = digestParts(digest);
  return algorithm === 'sha256' ? `${algorithm}-${hex}.sbom` : undefined;
}
