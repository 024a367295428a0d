import { FairleadError } from '#lib/errors';
import { type CopyOptions, copyGraph } from '#lib/registry/copy';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, digestParts } from '#lib/registry/digest';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { CallOptions, ReadTarget, Target } from '#lib/registry/target';

/** What cosign 2 keeps beside an artifact under tags made of its digest: signatures, attestations and bills of materials. */
const legacySuffixes: readonly string[] = ['sig', 'att', 'sbom'];

/**
 * Copies an artifact from one repository to another together with everything that says who made it: referrers of every level, and
 * cosign's legacy tags, which replace those of the target. `tags` are set last, so that none ever stands on something that is not signed
 * yet. Rejects as copyGraph does, and with InvalidInput for a reserved tag.
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
  for (const tag of legacyTags(artifact.digest)) {
    const found = await resolveIfThere(source, tag, call);
    if (found === undefined) continue;
    await copyGraph(source, target, found, { ...options, withReferrers: false });
    await target.tag(found, tag, call);
  }
  for (const tag of tags) await target.tag(artifact, tag, call);
}

/** The tags that cosign 2 would use; none where a tag cannot hold the digest (sha512). */
function legacyTags(digest: Digest): string[] {
  const { algorithm, hex } = digestParts(digest);
  return algorithm === 'sha256' ? legacySuffixes.map((suffix) => `${algorithm}-${hex}.${suffix}`) : [];
}

async function resolveIfThere(source: ReadTarget, tag: string, options: CallOptions): Promise<Descriptor | undefined> {
  try {
    return await source.resolve(tag, options);
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'NotFound') return undefined;
    throw error;
  }
}
