import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { type CopyOptions, copyGraph } from '#lib/registry/copy';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { ifThere } from '#lib/registry/if-there';
import { parseManifest } from '#lib/registry/manifest';
import { settleTag } from '#lib/registry/settle-tag';
import type { LookupOptions, ReadTarget, Target } from '#lib/registry/target';
import { assertReadable, isSameLayer, legacyManifest } from '../signature/legacy/legacy-manifest.ts';
import { signatureLimits } from '../signature/read/signature-limits.ts';

/**
 * Copies the signatures or attestations under an artifact's legacy tag, and keeps those of the
 * target: a copy removes nothing that verifies there. Other content under the tag is skipped at the
 * source, and replaced at the target. Rejects as copyGraph, and with InvalidInput or LimitExceeded
 * for other content at the source if `onSkipped` is absent.
 */
export async function copyLegacy(
  source: ReadTarget,
  target: Target,
  { artifact, tag }: { readonly artifact: Descriptor; readonly tag: string },
  options: Omit<CopyOptions, 'withReferrers'>,
): Promise<void> {
  const call = options.signal === undefined ? {} : { signal: options.signal };
  let ours: Standing | undefined;
  try {
    ours = await find(source, tag, call);
  } catch (error) {
    if (options.onSkipped === undefined || !isMalformed(error)) throw error;
    return options.onSkipped(artifact, error);
  }
  if (ours === undefined) return;
  const { descriptor, layers: brought } = ours;
  const read = (): Promise<Standing | undefined> =>
    find(target, tag, { ...call, fromOrigin: true }).catch((error: unknown) => {
      if (isMalformed(error)) return undefined;
      throw error;
    });
  const standing = await read();
  if (standing !== undefined && hasAll(standing.layers, brought)) return;
  await copyGraph(source, target, descriptor, { ...options, withReferrers: false });
  await settleTag<Standing>(
    standing,
    {
      read,
      includes: ({ layers }) => hasAll(layers, brought),
      isSame: (one, other) => one.descriptor.digest === other.descriptor.digest,
      async write(theirs) {
        const kept = theirs?.layers ?? [];
        if (hasAll(brought, kept)) {
          await target.tag(descriptor, tag, call);
          return ours;
        }
        const added = brought.filter((layer) => !hasAll(kept, [layer]));
        // Readers use the last layers: those of the target stay in use.
        const merged = legacyManifest([...added, ...kept], []);
        assertReadable(tag, merged.manifestBytes.length);
        await pushArtifact(target, merged, undefined, tag, call);
        return { descriptor: merged.descriptor, layers: merged.manifest.layers };
      },
    },
    { ...call, name: `tag ${tag}`, hint: 'Others are signing or copying the same artifact. Try again.' },
  );
}

/** Reports whether each of `wanted` is among some layers. */
function hasAll(layers: readonly Descriptor[], wanted: readonly Descriptor[]): boolean {
  return wanted.every((each) => layers.some((layer) => isSameLayer(layer, each)));
}

/** The manifest under a tag: each layer is one signature or attestation. */
interface Standing {
  readonly descriptor: Descriptor;
  readonly layers: readonly Descriptor[];
}

/**
 * Reads the manifest under a tag; undefined if the tag does not exist. Rejects as malformed for
 * content that readers of signatures skip.
 */
async function find(target: ReadTarget, tag: string, options: LookupOptions): Promise<Standing | undefined> {
  const descriptor = await ifThere(target.resolve(tag, options));
  if (descriptor === undefined) return undefined;
  if (descriptor.mediaType !== mediaTypes.manifest) {
    throw new FairleadError(
      'InvalidInput',
      `tag ${tag} has media type ${descriptor.mediaType}: want a manifest of signatures`,
      {
        hint: 'Remove the tag: it is reserved for signatures.',
      },
    );
  }
  const bytes = await fetchBytes(target, descriptor, { ...options, limit: signatureLimits.legacyManifestBytes });
  return { descriptor, layers: parseManifest(bytes, `signatures under tag ${tag}`).layers };
}

function isMalformed(error: unknown): error is FairleadError {
  return error instanceof FairleadError && (error.kind === 'InvalidInput' || error.kind === 'LimitExceeded');
}
