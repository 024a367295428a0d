import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { quote } from '#lib/text/quote';

/** Media type of a layer of cosign's legacy signature manifest: the simple-signing payload. */
export const legacyPayloadMediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';
/** Annotation of that layer with the signature, base64. */
export const legacySignatureAnnotation = 'dev.cosignproject.cosign/signature';

const payloadType = 'cosign container image signature';

/**
 * Returns the bytes that are signed for an artifact in a repository (`registry/repository`), as
 * cosign 2 writes them.
 */
export function legacyPayload(descriptor: Descriptor, repository: string): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': repository },
        image: { 'docker-manifest-digest': descriptor.digest },
        type: payloadType,
      },
      optional: null,
    }),
  );
}

/**
 * Checks that a simple-signing payload (containers/image, atomic-signature.md, as cosign uses it)
 * is for this very artifact. Returns its `docker-reference`, the name that the signer gave the
 * artifact. The case of members is ignored, because old versions of cosign wrote capitals and Go
 * reads both. Throws SignatureInvalid that names the difference.
 */
export function assertLegacyPayload(
  payload: Uint8Array,
  descriptor: Pick<Descriptor, 'digest'>,
): { dockerReference: string } {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new FairleadError('SignatureInvalid', 'its payload is not JSON', { cause });
  }
  const critical = member(json, 'critical');
  const type = member(critical, 'type');
  if (type !== payloadType)
    throw new FairleadError('SignatureInvalid', `its payload has type ${quoteAny(type)}: want "${payloadType}"`);
  const digest = member(member(critical, 'image'), 'docker-manifest-digest');
  if (digest !== descriptor.digest) {
    throw new FairleadError('SignatureInvalid', `it was made for another artifact (${quoteAny(digest)})`);
  }
  const dockerReference = member(member(critical, 'identity'), 'docker-reference');
  return { dockerReference: typeof dockerReference === 'string' ? dockerReference : '' };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const found = Object.entries(value).filter(([key]) => key.toLowerCase() === name);
  if (found.length > 1) {
    throw new FairleadError(
      'SignatureInvalid',
      `its payload has ${quote(name)} twice, and readers differ on which one they use`,
    );
  }
  return found[0]?.[1];
}

function quoteAny(value: unknown): string {
  return typeof value === 'string' ? quote(value, 160) : 'none';
}
