import { type CopyOptions, copyGraph } from '#lib/registry/copy';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, digestParts } from '#lib/registry/digest';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { ReadTarget, Target } from '#lib/registry/target';
import { legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { copyLegacy, resolveIfThere } from './copy-legacy.ts';

/**
 * Copies an artifact from one repository to another together with everything that says who made it:
 * referrers of every level, and what cosign 2 keeps under tags made of its digest: signatures and
 * attestations, beside those of the target, and the bill of materials, in place of the target's.
 * `tags` are set last, so that none ever stands on something that is not signed yet. Rejects as
 * copyGraph does, and with InvalidInput for a reserved tag.
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
 * The tag of what `cosign attach sbom` stores; undefined where a tag cannot hold the digest
 * (sha512).
 */
function billOfMaterialsTag(digest: Digest): string | undefined {
  const { algorithm, hex } = digestParts(digest);
  return algorithm === 'sha256' ? `${algorithm}-${hex}.sbom` : undefined;
}
