import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SearchResult, SearchSort } from '#lib/catalog/search-query';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatRepository } from '#lib/registry/reference';
import { addCatalogOptions, type CatalogOptions } from '../catalogs/catalog-options.ts';
import { entryDocument, profileLines } from '../catalogs/entry-text.ts';
import { chooseCatalogs, openCatalogRegistries, readCatalogs } from '../catalogs/open-catalogs.ts';
import type { Document } from '../documents/documents.ts';
import { addOutputOption, examples, type OutputOptions, parseKind } from '../options/options.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeNote, writeResult } from '../terminal/output.ts';

interface SearchOptions extends CatalogOptions, OutputOptions {
  readonly kind?: RuntimeKind;
  readonly signer?: string;
  readonly image?: string;
  readonly architecture?: string;
  readonly annotation?: { readonly key: string; readonly value?: string };
  readonly sort: SearchSort;
  readonly limit: number;
  readonly after?: string;
}

/** `fairlead catalog search [WORD…]`. */
export function define(command: Command): void {
  command
    .summary('search the profiles of catalogs')
    .description(
      'Search the profiles of catalogs. All words must occur in the repository, the summary, an annotation, an image, a signer ' +
        'or a tag. What is printed is what the signer of the catalog states: fairlead verify checks a profile itself.',
    )
    .argument('[words...]', 'words to look for')
    .addOption(new Option('--kind <kind>', 'kind of the profile').choices(['seccomp', 'apparmor']).argParser(parseKind))
    .option('--signer <signer>', 'signer: key:FINGERPRINT, or identity and issuer, separated by a blank; or none')
    .option('--image <repository>', 'container image that the profile is for, without tag')
    .option('--architecture <name>', 'architecture, such as arm64')
    .option('--annotation <key[=value]>', 'annotation of the profile', parseAnnotation)
    .addOption(new Option('--sort <order>', 'order').choices(['name', 'updated', 'calls']).default('name'))
    .addOption(new Option('--limit <number>', 'most profiles to print').argParser(parseLimit).default(50))
    .option('--after <cursor>', 'continue after this position, which the JSON document of the last page has as `next`');
  addCatalogOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['search the catalogs of the configuration', 'fairlead catalog search nginx'],
        ['find the profiles for an image', 'fairlead catalog search --image docker.io/library/nginx'],
        [
          'list the strictest seccomp profiles of one catalog',
          'fairlead catalog search --kind seccomp --sort calls --catalog ghcr.io/acme/catalog:latest --key fairlead.pub',
        ],
        [
          'name the profiles in a script',
          "fairlead catalog search redis -o json | jq -r '.profiles[].newest.reference'",
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('searched, also if nothing is found', {
        ...registryErrors,
        NotAllowed: 'no rule of the policy allows the catalog',
        SignatureInvalid: 'the catalog is not signed as required',
      }),
    )
    .action(search);
}

async function search(words: readonly string[], options: SearchOptions): Promise<void> {
  const [chosen, connect, { entriesOf }, { CatalogSearch }] = await Promise.all([
    chooseCatalogs(options, process.env),
    openCatalogRegistries(options, process.env),
    import('#lib/catalog/read-catalog'),
    import('#lib/catalog/search'),
  ]);
  const catalogs = await readCatalogs(chosen, connect);
  const { kind, signer, image, architecture, annotation, sort, limit, after } = options;
  const query = { text: words.join(' '), kind, signer, image, architecture, annotation, sort, limit, after };
  const result = new CatalogSearch(catalogs.flatMap(({ catalog }) => entriesOf(catalog))).search(query);
  writeResult('catalog search', options.output, {
    json: () => asJson(result),
    text: () => result.profiles.map((profile) => profileLines(profile).join('\n')).join('\n'),
    quiet: () => result.profiles.map(formatRepository).join('\n'),
  });
  if (options.output === 'json') return;
  if (result.total === 0) writeNote('note', 'no profile matches');
  else if (result.next !== undefined) {
    writeNote('note', `${result.profiles.length} of ${result.total} profiles: --after ${result.next} continues`);
  }
}

function asJson({ total, profiles, facets, next }: SearchResult): Document<'catalog search'> {
  return {
    total,
    profiles: profiles.map((profile) => ({
      repository: formatRepository(profile),
      name: profile.name,
      newest: entryDocument(profile.versions[0]),
      versions: profile.versions.length,
    })),
    facets,
    next: next ?? null,
  };
}

function parseAnnotation(text: string): { readonly key: string; readonly value?: string } {
  const equals = text.indexOf('=');
  if (equals === 0 || text === '') throw new InvalidArgumentError('Want key or key=value.');
  return equals < 0 ? { key: text } : { key: text.slice(0, equals), value: text.slice(equals + 1) };
}

function parseLimit(text: string): number {
  if (/^[1-9][0-9]{0,2}$|^1000$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Want a number from 1 to 1000.');
}
