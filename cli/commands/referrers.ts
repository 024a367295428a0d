import type { Command } from 'commander';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { formatReference, tagOrDigestOf } from '#lib/registry/reference';
import { parseRequested } from '#lib/registry/requested-reference';
import type { ReadTarget } from '#lib/registry/target';
import { predicateTypeAnnotation } from '#lib/trust/signature/signature';
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

interface ReferrersOptions extends OutputOptions, RegistryOptions {
  readonly artifactType?: string;
}

/** A manifest that refers to another one, and its own referrers. */
interface Referrer {
  readonly descriptor: Descriptor;
  readonly referrers: readonly Referrer[];
}

/** How deep referrers of referrers are shown. */
const depthLimit = 4;

/** `fairlead referrers REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'List the referrers of an artifact: signatures, attestations, bills of materials, and their own referrers. ' +
        'The list comes from the registry and is not verified.',
    )
    .argument('<reference>', 'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE')
    .option('--artifact-type <type>', 'list only referrers of this artifact type');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['list all referrers', 'fairlead referrers ghcr.io/acme/profiles/nginx:1.27'],
        [
          'list Sigstore bundles',
          'fairlead referrers ghcr.io/acme/profiles/nginx:1.27 --artifact-type application/vnd.dev.sigstore.bundle.v0.3+json',
        ],
      ]),
    )
    .addHelpText('after', exitCodes('listed', registryErrors))
    .action(referrers);
}

async function referrers(referenceText: string, options: ReferrersOptions): Promise<void> {
  const requested = parseRequested(withoutScheme(referenceText));
  const connect = await openRegistries(options, process.env);
  const reference = await settleRequested(requested, connect);
  const target = connect(reference);
  const artifact = await target.resolve(tagOrDigestOf(reference));
  const found = await findReferrers(target, artifact, options.artifactType, new Set([artifact.digest]), 1);
  writeResult('referrers', options.output, {
    json: () => ({
      reference: formatReference({ ...reference, digest: artifact.digest }),
      digest: artifact.digest,
      referrers: found.map(asJson),
    }),
    text: () =>
      [
        formatReference({ ...reference, digest: artifact.digest }),
        ...(found.length === 0 ? ['  no referrers'] : asLines(found, '  ')),
      ].join('\n'),
    quiet: () => digestsOf(found).join('\n'),
  });
}

async function findReferrers(
  target: ReadTarget,
  subject: Descriptor,
  artifactType: string | undefined,
  seen: Set<Digest>,
  depth: number,
): Promise<Referrer[]> {
  const filter = artifactType === undefined ? {} : { artifactType };
  const found: Referrer[] = [];
  for (const descriptor of await target.referrers(subject, filter)) {
    // A list may contain anything, even that a manifest refers to itself.
    if (seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    const below = depth < depthLimit ? await findReferrers(target, descriptor, artifactType, seen, depth + 1) : [];
    found.push({ descriptor, referrers: below });
  }
  return found;
}

function asJson({ descriptor, referrers: below }: Referrer): Document<'referrers'>['referrers'][number] {
  return { ...descriptor, referrers: below.map(asJson) };
}

function asLines(found: readonly Referrer[], indent: string): string[] {
  return found.flatMap(({ descriptor: { digest, size, artifactType, annotations }, referrers: below }) => {
    // Signatures and attestations have the same artifact type.
    const predicateType = annotations?.[predicateTypeAnnotation];
    const types = [artifactType ?? 'no type', ...(predicateType === undefined ? [] : [predicateType])];
    return [
      `${indent}${[digest, ...types.map(oneLine), `${size} bytes`].join('  ')}`,
      ...asLines(below, `${indent}  `),
    ];
  });
}

function digestsOf(found: readonly Referrer[]): string[] {
  return found.flatMap(({ descriptor: { digest }, referrers: below }) => [digest, ...digestsOf(below)]);
}
