import type { Command } from 'commander';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { formatReference, parseReference, tagOrDigestOf } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

interface ReferrersOptions extends OutputOptions, RegistryOptions {
  readonly artifactType?: string;
}

/** A manifest that refers to another one, and what refers to it in turn. */
interface Referrer {
  readonly descriptor: Descriptor;
  readonly referrers: readonly Referrer[];
}

/** Signatures of signatures of signatures: whatever lies deeper is not shown. */
const depthLimit = 4;

/** `fairlead referrers REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'List what refers to an artifact: signatures, attestations, bills of materials, and what refers to those. ' +
        'The list is what the registry claims; nothing of it is verified.',
    )
    .argument('<reference>', 'registry/repository:tag or …@sha256:…')
    .option('--artifact-type <type>', 'only those of this media type, as far as the registry knows it');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['all', 'fairlead referrers ghcr.io/acme/profiles/nginx:1.27'],
        [
          'Sigstore bundles',
          'fairlead referrers ghcr.io/acme/profiles/nginx:1.27 --artifact-type application/vnd.dev.sigstore.bundle.v0.3+json',
        ],
      ]),
    )
    .action(referrers);
}

async function referrers(referenceText: string, options: ReferrersOptions): Promise<void> {
  const reference = parseReference(referenceText);
  const connect = await openRegistries(options, process.env);
  const target = connect(reference);
  const artifact = await target.resolve(tagOrDigestOf(reference));
  const found = await findReferrers(target, artifact, options.artifactType, new Set([artifact.digest]), 1);
  writeResult(options.output, {
    json: () => ({
      reference: formatReference({ ...reference, digest: artifact.digest }),
      digest: artifact.digest,
      referrers: found.map(asJson),
    }),
    text: () =>
      [
        formatReference({ ...reference, digest: artifact.digest }),
        ...(found.length === 0 ? ['  nothing refers to it'] : asLines(found, '  ')),
      ].join('\n'),
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
    // A list may claim anything, also that a manifest refers to itself.
    if (seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    const below = depth < depthLimit ? await findReferrers(target, descriptor, artifactType, seen, depth + 1) : [];
    found.push({ descriptor, referrers: below });
  }
  return found;
}

function asJson({ descriptor, referrers: below }: Referrer): object {
  return { ...descriptor, referrers: below.map(asJson) };
}

function asLines(found: readonly Referrer[], indent: string): string[] {
  return found.flatMap(({ descriptor: { digest, size, artifactType }, referrers: below }) => [
    `${indent}${digest}  ${oneLine(artifactType ?? 'no type')}  ${size} bytes`,
    ...asLines(below, `${indent}  `),
  ]);
}
