import { FairleadError } from '#lib/errors';
import type { Descriptor, Index, Manifest } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { isManifestMediaType, manifestBytesLimit, parseAnyManifest } from '#lib/registry/manifest';
import { formatReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { Signature } from '#lib/trust/signature/signature';
import type { Document } from '../documents/documents.ts';
import type { Connect } from '../options/connect.ts';
import { oneLine } from '../terminal/output.ts';

/** A manifest or index, also with a media type of Docker. */
type Content =
  | (Omit<Manifest, 'mediaType'> & { readonly mediaType: string })
  | (Omit<Index, 'mediaType'> & { readonly mediaType: string });

/** What a registry has under a reference. Only the digests of the bytes are verified. */
export interface Inspection {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly content: Content;
  readonly signatures: readonly Signature[];
  /** Errors of lists of referrers that cannot be read. */
  readonly passedOver: readonly FairleadError[];
}

/**
 * Reads what a registry has under a reference, with the signatures beside it. Nothing is verified.
 * Throws InvalidInput for content of an unknown media type, and as the registry's client does.
 */
export async function inspectArtifact(reference: Reference, connect: Connect): Promise<Inspection> {
  const { fetchSignatures } = await import('#lib/trust/verify/fetch-signatures');
  const target = connect(reference);
  const descriptor = await target.resolve(tagOrDigestOf(reference));
  const bytes = await fetchBytes(target, descriptor, { limit: manifestBytesLimit });
  const passedOver: FairleadError[] = [];
  return {
    reference,
    descriptor,
    content: parseContent(bytes, descriptor),
    signatures: await fetchSignatures(target, descriptor, { onSkipped: (error) => void passedOver.push(error) }),
    passedOver,
  };
}

function parseContent(bytes: Uint8Array, { mediaType, digest }: Descriptor): Content {
  if (isManifestMediaType(mediaType)) return { ...parseAnyManifest(mediaType, bytes, digest), mediaType };
  throw new FairleadError('InvalidInput', `${digest} has media type ${mediaType}, which is not known`, {
    hint: 'Manifests and indexes of OCI, and those of Docker (schema 2), are shown.',
  });
}

/** Returns an inspection for a JSON document. */
export function inspectionDocument({
  reference,
  descriptor,
  content,
  signatures,
  passedOver,
}: Inspection): Document<'inspect'> {
  return {
    verified: false,
    reference: formatReference(reference),
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    size: descriptor.size,
    content,
    signatures: signatures.map(({ format, manifest }) => ({ format, manifest })),
    passedOver: passedOver.map(({ message }) => message),
  };
}

/** Returns an inspection in lines. */
export function inspectionText({ reference, descriptor, content, signatures, passedOver }: Inspection): string {
  const parts: readonly (readonly [string, Descriptor])[] =
    'layers' in content
      ? [['config', content.config], ...content.layers.map((layer) => ['layer', layer] as const)]
      : content.manifests.map((manifest) => ['manifest', manifest] as const);
  return [
    'unverified: this is what the registry reports; use fairlead verify to check it',
    `reference   ${formatReference(reference)}`,
    `digest      ${descriptor.digest}`,
    `media type  ${descriptor.mediaType}`,
    `type        ${oneLine(content.artifactType ?? 'none')}`,
    ...(content.subject === undefined ? [] : [`subject     ${content.subject.digest}`]),
    ...parts.map(([name, part]) => `${name.padEnd(11)} ${part.digest}  ${part.mediaType}  ${part.size} bytes`),
    ...Object.entries(content.annotations ?? {}).map(([key, value]) => `annotation  ${oneLine(`${key}=${value}`)}`),
    ...signatures.map(({ format, manifest }) => `signature   ${manifest}  ${format}, unverified`),
    ...(signatures.length === 0 ? ['signature   none found'] : []),
    ...passedOver.map(({ message }) => `unreadable  ${oneLine(message)}`),
  ].join('\n');
}
