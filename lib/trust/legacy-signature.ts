import type { Artifact } from '#lib/artifact/artifact';
import { blob } from '#lib/artifact/assemble-artifact';
import type { Descriptor, Manifest } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { Signer } from './key.ts';
import { withLegacyLayer } from './legacy-manifest.ts';
import { legacyPayload, legacyPayloadMediaType, legacySignatureAnnotation } from './legacy-payload.ts';

/**
 * Signs an artifact as cosign 2 does, and packs the manifest that goes under its legacy tag (`.sig`): one layer for each
 * signature, so those that are there already (`existing`) are kept. Their blobs are not in the result: they are there too.
 */
export async function signLegacy(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  signer: Signer,
  existing: Manifest | undefined,
): Promise<Artifact> {
  const payload = legacyPayload(descriptor, formatRepository(reference));
  const signature = Buffer.from(await signer.sign(payload)).toString('base64');
  const layer = blob(legacyPayloadMediaType, payload, { [legacySignatureAnnotation]: signature });
  return withLegacyLayer(existing, layer);
}
