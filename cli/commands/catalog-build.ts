import type { Command } from 'commander';
import type { BuiltCatalog } from '#lib/catalog/build-catalog';
import { groupEntries } from '#lib/catalog/group-entries';
import type { CatalogSources, ListRepositories } from '#lib/catalog/sources';
import { FairleadError, shownMessage } from '#lib/errors';
import { formatReference, formatRepository, parseReference, tagOrDigestOf } from '#lib/registry/reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { Requirement } from '#lib/trust/policy/policy';
import type { Signer } from '#lib/trust/sign/signer';
import { differenceDocument } from '../catalogs/difference.ts';
import type { CatalogPolicy } from '../catalogs/open-catalogs.ts';
import type { Document } from '../documents/documents.ts';
import { readInput } from '../files/files.ts';
import { openNetwork, openRegistries } from '../options/connect.ts';
import { policyOption } from '../options/environment.ts';
import { addKeylessOptions } from '../options/keyless.ts';
import {
  addOutputOption,
  addRegistryOptions,
  addSignatureFormatOption,
  addSignerOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { openReadingPolicy } from '../options/pull-policy.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { type SignerOptions, startSigner } from '../options/signer.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { oneLine, writeNote, writeResult } from '../terminal/output.ts';

interface BuildOptions extends OutputOptions, RegistryOptions, SignerOptions {
  readonly unsigned?: boolean;
  readonly policy?: string;
  readonly insecureUnverified?: boolean;
  readonly registry?: readonly string[];
  readonly prefix?: readonly string[];
  readonly repository?: readonly string[];
  readonly list?: string;
  readonly image?: readonly string[];
  readonly full?: boolean;
}

/** Most bytes of a list of repositories. */
const maxListBytes = 16 * 1024 * 1024;

const collect = (text: string, gathered: readonly string[] = []): readonly string[] => [...gathered, text];

/** `fairlead catalog build REFERENCE`. */
export function define(command: Command): void {
  command
    .summary('publish a catalog of the profiles in registries')
    .description(
      'Publish a catalog of the profiles in registries, signed. Each profile is read and verified as a node does; what the ' +
        'policy refuses is left out and reported. An artifact that the catalog has already is not read again, if the same ' +
        'signer signed the catalog and the policy is the same. Only the parts that changed are sent, and the tag is set ' +
        'last. If a registry fails, nothing changes. Without --policy, profiles must be signed by the signer of the catalog.',
    )
    .argument('<reference>', 'where the catalog is published: registry/repository:tag')
    .option('--registry <host>', 'take all repositories of this registry; can be repeated', collect)
    .option(
      '--prefix <prefix>',
      'take the repositories whose names begin with registry/prefix; can be repeated',
      collect,
    )
    .option('--repository <name>', 'take registry/repository; can be repeated', collect)
    .option('--list <file>', 'take the repositories in this file, one on each line; - is stdin')
    .option('--image <reference>', 'take the profiles that are attached to this image; can be repeated', collect)
    .option('--full', 'read and verify every artifact again')
    .addOption(policyOption('trust policy that decides which profiles are taken', ['insecureUnverified']))
    .option('--insecure-unverified', 'take profiles without verifying them');
  addSignerOptions(command);
  addKeylessOptions(command);
  addSignatureFormatOption(command);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'publish a catalog of the profiles below a path',
          'fairlead catalog build ghcr.io/acme/catalog:latest --prefix ghcr.io/acme/profiles/ --key fairlead.key',
        ],
        [
          'publish the profiles that nodes would accept',
          'fairlead catalog build ghcr.io/acme/catalog:latest --list repositories.txt --policy policy.yaml --keyless',
        ],
        [
          'take what is attached to an image',
          'fairlead catalog build ghcr.io/acme/catalog:latest --image ghcr.io/acme/web:1.27 --key fairlead.key',
        ],
        [
          'build a catalog in a directory',
          'fairlead catalog build localhost/catalog:latest --registry localhost --oci-layout ./registry --key fairlead.key',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('complete, also if profiles are left out', {
        ...registryErrors,
        LimitExceeded: 'too many profiles',
        Unavailable: 'registry or signing service unreachable',
      }),
    )
    .action(build);
}

async function build(referenceText: string, options: BuildOptions): Promise<void> {
  const reference = parseReference(withoutScheme(referenceText));
  tagOrDigestOf(reference);
  if (reference.digest !== undefined) {
    throw new FairleadError('InvalidInput', 'a catalog is published under a tag, not under a digest', {
      hint: `Write ${formatRepository(reference)}:latest.`,
    });
  }
  refuseReservedTag(reference.tag);
  const sources = await sourcesOf(options);
  const [signing, connect, listRepositories, { buildCatalog }] = await Promise.all([
    startSigner(options, process.env),
    openRegistries(options, process.env),
    openListing(options),
    import('#lib/catalog/build-catalog'),
  ]);
  const signer = await signing?.signer;
  const policy = await policyOf(options, signer, formatReference(reference));
  const built = await buildCatalog(
    { reference, sources, full: options.full, signatureFormat: options.signatureFormat },
    { policy, signer, connect, listRepositories, clock: () => new Date() },
  );
  writeResult('catalog build', options.output, {
    json: () => asJson(built),
    text: () => asText(built),
    quiet: () => formatReference(built.reference),
  });
  const { previousProblem } = built;
  if (previousProblem !== undefined) {
    writeNote('note', `the catalog before was not used: ${shownMessage(previousProblem)}`);
  }
}

async function sourcesOf({
  registry = [],
  prefix = [],
  repository = [],
  list,
  image = [],
}: BuildOptions): Promise<CatalogSources> {
  const { parseListLine } = await import('#lib/catalog/sources');
  const text = list === undefined ? '' : new TextDecoder().decode(await readInput(list, maxListBytes));
  const listed = text.split('\n').flatMap((line) => parseListLine(line) ?? []);
  const images = image.map((each) => {
    const parsed = parseReference(withoutScheme(each));
    tagOrDigestOf(parsed);
    return parsed;
  });
  if (registry.length + prefix.length + repository.length + images.length === 0 && list === undefined) {
    throw new FairleadError('InvalidInput', 'no source of profiles is specified', {
      hint: 'Use --registry, --prefix, --repository, --list or --image.',
    });
  }
  return {
    registries: registry,
    prefixes: prefix.map(withoutScheme),
    repositories: [...repository, ...listed].map(withoutScheme),
    images,
  };
}

/** Returns how the repositories of a registry are listed: by its API, or those of the directory. */
async function openListing(options: RegistryOptions): Promise<ListRepositories> {
  const { ociLayout } = options;
  if (ociLayout !== undefined) {
    const { listLayout } = await import('#lib/registry/layout/list-layout');
    return async function* (registry) {
      for (const name of await listLayout(ociLayout)) {
        if (name.startsWith(`${registry}/`)) yield name.slice(registry.length + 1);
      }
    };
  }
  const [{ remoteCatalog }, network] = await Promise.all([
    import('#lib/registry/remote/catalog'),
    openNetwork(options, process.env),
  ]);
  return (registry) => remoteCatalog(registry, network);
}

/** Returns the policy that decides which profiles are taken; by default, those of the signer. */
async function policyOf(
  { policy, insecureUnverified, key }: BuildOptions,
  signer: Signer | undefined,
  subject: string,
): Promise<CatalogPolicy> {
  const options = {
    ...(policy !== undefined && { policy }),
    ...(insecureUnverified !== undefined && { insecureUnverified }),
  };
  if (policy !== undefined || insecureUnverified) return openReadingPolicy(options, subject, process.env);
  const require = await signer?.requirements();
  if (require === undefined) {
    throw new FairleadError('InvalidInput', 'nothing specifies which profiles are taken', {
      hint: 'Use --policy FILE to decide as a node does, or --insecure-unverified to take all.',
    });
  }
  const { defaultPublicationLimits } = await import('#lib/profile/publication-limits');
  return {
    source: 'the signer of the catalog',
    rules: [{ match: '**', unsigned: false, require: require.map((each) => named(each, key)), isImplied: true }],
    limits: defaultPublicationLimits,
    revision: 'the signer of the catalog',
  };
}

/** Returns a requirement that names the key in messages as the command line does. */
function named(requirement: Requirement, key: string | undefined): Requirement {
  if (key === undefined) return requirement;
  const anyOf = requirement.anyOf.map((each) => (each.key === undefined ? each : { ...each, key }));
  return { ...requirement, anyOf };
}

function asJson(built: BuiltCatalog): Document<'catalog build'> {
  const { reference, entries, isChanged, diff, shards, read, skipped, refused, signature } = built;
  return {
    reference: formatReference(reference),
    digest: reference.digest,
    written: isChanged,
    profiles: groupEntries(entries).length,
    versions: entries.length,
    read,
    skipped,
    shards,
    ...differenceDocument(diff),
    refused: refused.map(({ reference: of, error: { kind, message } }) => ({
      reference: formatReference(of),
      error: { kind, message },
    })),
    signature: signature?.digest ?? null,
  };
}

function asText(built: BuiltCatalog): string {
  const { reference, entries, isChanged, diff, shards, read, skipped, refused } = built;
  const { added, removed, changed } = diff;
  return [
    `${isChanged ? 'published' : 'unchanged'}  ${formatReference(reference)}`,
    `profiles   ${groupEntries(entries).length}, in ${entries.length} versions`,
    `changes    ${added.length} added, ${removed.length} removed, ${changed.length} changed`,
    `read       ${read} artifacts, of which ${skipped} are not profiles; ${shards.written} of ${shards.total} shards written`,
    ...refused.flatMap(({ reference: of, error: { summary, details = [] } }) => [
      oneLine(`left out   ${formatReference(of)}: ${summary}`),
      ...details.map((detail) => oneLine(`  ${detail}`)),
    ]),
  ].join('\n');
}
