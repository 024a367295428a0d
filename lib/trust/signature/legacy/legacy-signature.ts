import type { Blob } from '#lib/artifact/artifact';
import { blob } from '#lib/artifact/assemble-artifact';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { PrivateKey } from '../../keys/key.ts';
import { legacyPayload, legacyPayloadMediaType, legacySignatureAnnotation } from './legacy-payload.ts';

/**
 * Signs an artifact as cosign 2 does. Returns the layer for the manifest under its legacy tag
 * (`.sig`).
 */
export async function signLegacy(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  key: PrivateKey,
): Promise<Blob> {
  const payload = legacyPayload(descriptor, formatRepository(reference));
  const signature = Buffer.from(await key.signBytes(payload)).toString('base64');
  return blob(legacyPayloadMediaType, payload, { [legacySignatureAnnotation]: signature });
}
