import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { Descriptor, Index, Manifest } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { isManifestMediaType, manifestBytesLimit, parseAnyManifest } from '#lib/registry/manifest';
import { formatReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { parseRequested } from '#lib/registry/requested-reference';
import type { Signature } from '#lib/trust/signature/signature';
import type { Document } from '../documents/documents.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { settleRequested } from '../options/requested.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

/** A manifest or index, also with a media type of Docker. */
type Content =
  | (Omit<Manifest, 'mediaType'> & { readonly mediaType: string })
  | (Omit<Index, 'mediaType'> & { readonly mediaType: string });

/** What a registry has under a reference. Only the digests of the bytes are verified. */
interface Inspection {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly content: Content;
  readonly signatures: readonly Signature[];
  /** Errors of lists of referrers that cannot be read. */
  readonly passedOver: readonly FairleadError[];
}

/** `fairlead inspect REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Show an artifact in a registry: manifest, layers, annotations and signatures. Nothing is verified: everybody who can ' +
        'write to the repository can have written it. To check an artifact, use fairlead verify.',
    )
    .argument('<reference>', 'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['show an artifact', 'fairlead inspect ghcr.io/acme/profiles/nginx:1.27'],
        [
          'get its digest in a script',
          'fairlead inspect ghcr.io/acme/profiles/nginx:1.27 --output json | jq -r .digest',
        ],
      ]),
    )
    .addHelpText('after', exitCodes('shown', registryErrors))
    .action(inspect);
}

async function inspect(referenceText: string, options: OutputOptions & RegistryOptions): Promise<void> {
  const requested = parseRequested(withoutScheme(referenceText));
  const [{ fetchSignatures }, connect] = await Promise.all([
    import('#lib/trust/verify/fetch-signatures'),
    openRegistries(options, process.env),
  ]);
  const reference = await settleRequested(requested, connect);
  const target = connect(reference);
  const descriptor = await target.resolve(tagOrDigestOf(reference));
  const bytes = await fetchBytes(target, descriptor, { limit: manifestBytesLimit });
  const passedOver: FairleadError[] = [];
  const inspection: Inspection = {
    reference,
    descriptor,
    content: parseContent(bytes, descriptor),
    signatures: await fetchSignatures(target, descriptor, { onSkipped: (error) => void passedOver.push(error) }),
    passedOver,
  };
  writeResult('inspect', options.output, {
    json: () => asJson(inspection),
    text: () => asText(inspection),
    quiet: () => descriptor.digest,
  });
}

function parseContent(bytes: Uint8Array, { mediaType, digest }: Descriptor): Content {
  if (isManifestMediaType(mediaType)) return { ...parseAnyManifest(mediaType, bytes, digest), mediaType };
  throw new FairleadError('InvalidInput', `${digest} has media type ${mediaType}, which is not known`, {
    hint: 'Manifests and indexes of OCI, and those of Docker (schema 2), are shown.',
  });
}

function asJson({ reference, descriptor, content, signatures, passedOver }: Inspection): Document<'inspect'> {
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

function asText({ reference, descriptor, content, signatures, passedOver }: Inspection): string {
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
