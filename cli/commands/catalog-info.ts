import type { Command } from 'commander';
import type { CatalogEntry, CatalogProfile } from '#lib/catalog/entry';
import { CatalogSearch } from '#lib/catalog/search';
import { FairleadError } from '#lib/errors';
import { formatRepository, parseReference, type Reference } from '#lib/registry/reference';
import { quote, shorten } from '#lib/text/quote';
import { addCatalogOptions, type CatalogOptions } from '../catalogs/catalog-options.ts';
import { callsText, entryDocument, profileLines, versionLabel } from '../catalogs/entry-text.ts';
import { chooseCatalogs, openCatalogRegistries, readCatalogs } from '../catalogs/open-catalogs.ts';
import { type Inspection, inspectArtifact, inspectionDocument, inspectionText } from '../inspect/inspection.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

interface InfoOptions extends CatalogOptions, OutputOptions {
  readonly offline?: boolean;
}

/** `fairlead catalog info PROFILE`. */
export function define(command: Command): void {
  command
    .summary('show the versions of a profile in a catalog')
    .description(
      'Show a profile of a catalog with its versions, and the manifest of one of them as its registry has it: by default, the ' +
        'newest. Nothing of the profile itself is verified: use fairlead verify.',
    )
    .argument('<profile>', 'registry/repository, or the last segment of it; with :tag or @sha256:… for one version')
    .option('--offline', 'show only what the catalog states, and do not ask the registry of the profile');
  addCatalogOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['show the profile nginx of the catalogs of the configuration', 'fairlead catalog info nginx'],
        [
          'show one version of it',
          'fairlead catalog info ghcr.io/acme/profiles/nginx:1.27 --catalog ghcr.io/acme/catalog:latest --key fairlead.pub',
        ],
        [
          'verify the newest version',
          'fairlead verify "$(fairlead catalog info nginx --offline -o json | jq -r \'.versions[0].reference\')" --key fairlead.pub',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('shown', {
        ...registryErrors,
        NotFound: 'no such profile in the catalog, or its registry does not have it',
        SignatureInvalid: 'the catalog is not signed as required',
      }),
    )
    .action(info);
}

async function info(name: string, options: InfoOptions): Promise<void> {
  const [chosen, connect, { entriesOf }] = await Promise.all([
    chooseCatalogs(options, process.env),
    openCatalogRegistries(options, process.env),
    import('#lib/catalog/read-catalog'),
  ]);
  const catalogs = await readCatalogs(chosen, connect);
  const search = new CatalogSearch(catalogs.flatMap(({ catalog }) => entriesOf(catalog)));
  const { profile, entry } = findProfile(withoutScheme(name), search);
  const reference = { registry: entry.registry, repository: entry.repository, digest: entry.descriptor.digest };
  const inspection = options.offline ? undefined : await inspectArtifact(reference, connect);
  writeResult('catalog info', options.output, {
    json: () => ({
      repository: formatRepository(profile),
      name: profile.name,
      versions: profile.versions.map(entryDocument),
      manifest: inspection === undefined ? null : inspectionDocument(inspection),
    }),
    text: () => asText(profile, entry, inspection),
    quiet: () => `${formatRepository(profile)}@${entry.descriptor.digest}`,
  });
}

interface FoundProfile {
  readonly profile: CatalogProfile;
  /** The version that was named, or the newest. */
  readonly entry: CatalogEntry;
}

/** Finds a profile by its repository, or by the last segment of it. Throws NotFound. */
function findProfile(name: string, search: CatalogSearch): FoundProfile {
  if (name.includes('/')) {
    const reference = parseReference(name);
    const profile = search.get(reference);
    if (profile === undefined) throw notFound(name);
    return { profile, entry: versionOf(profile, reference) };
  }
  const [only, ...others] = named(name, search);
  if (only === undefined) throw notFound(name);
  if (others.length > 0) {
    const repositories = [only, ...others].map(formatRepository).join(', ');
    throw new FairleadError('InvalidInput', `several profiles are named ${quote(name)}`, {
      hint: `Name one of their repositories: ${shorten(repositories, 400)}.`,
    });
  }
  return { profile: only, entry: only.versions[0] };
}

function named(name: string, search: CatalogSearch): readonly CatalogProfile[] {
  const found: CatalogProfile[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: ReturnType<CatalogSearch['search']> = search.search({ text: name, limit: 1000, after });
    found.push(...page.profiles.filter((profile) => profile.name === name));
    after = page.next;
  }
  return found;
}

function versionOf(profile: CatalogProfile, { tag, digest }: Reference): CatalogEntry {
  if (tag === undefined && digest === undefined) return profile.versions[0];
  const found = profile.versions.find(
    (entry) =>
      entry.descriptor.digest === digest || (digest === undefined && tag !== undefined && entry.tags.includes(tag)),
  );
  if (found !== undefined) return found;
  throw new FairleadError('NotFound', `the catalog has no version ${digest ?? tag} of ${formatRepository(profile)}`, {
    hint: `It has ${shorten(profile.versions.map(versionLabel).join(', '), 400)}.`,
  });
}

function notFound(name: string): FairleadError {
  return new FairleadError('NotFound', `no catalog has a profile ${quote(name)}`, {
    hint: 'To search the catalogs: fairlead catalog search WORD',
  });
}

function asText(profile: CatalogProfile, entry: CatalogEntry, inspection: Inspection | undefined): string {
  return [
    ...profileLines(profile),
    'versions',
    ...profile.versions.map((each) => {
      const tags = each.tags.length === 0 ? '(no tag)' : each.tags.join(', ');
      const calls = each.calls === undefined ? '' : `  ${callsText(each.calls)}`;
      return oneLine(
        `  ${each.descriptor.digest}  ${tags}${calls}${each.created === undefined ? '' : `  ${each.created}`}`,
      );
    }),
    ...(inspection === undefined ? [] : ['', `version ${oneLine(versionLabel(entry))}`, inspectionText(inspection)]),
  ].join('\n');
}
