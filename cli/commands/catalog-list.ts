import type { Command } from 'commander';
import { type CatalogSize, sizeOfCatalog } from '#lib/catalog/group-entries';
import type { Catalog } from '#lib/catalog/read-catalog';
import { FairleadError, shownMessage } from '#lib/errors';
import { formatReference } from '#lib/registry/reference';
import { addCatalogOptions, type CatalogOptions } from '../catalogs/catalog-options.ts';
import { type ChosenCatalog, chooseCatalogs, openCatalogRegistries, readCatalogs } from '../catalogs/open-catalogs.ts';
import type { Document } from '../documents/documents.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { failTogether } from '../process/fail-together.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

/** `fairlead catalog list`. */
export function define(command: Command): void {
  command
    .summary('list the configured catalogs, and whether each verifies')
    .description(
      'List the catalogs of the configuration: when each was built, how many profiles it has, and whether it verifies.',
    );
  addCatalogOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['list the catalogs of the configuration', 'fairlead catalog list'],
        ['check one catalog', 'fairlead catalog list --catalog ghcr.io/acme/catalog:latest --key fairlead.pub'],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes(
        'all verify',
        {
          ...registryErrors,
          InvalidInput: 'no catalog is specified',
          SignatureInvalid: 'one does not verify',
        },
        'If several cannot be used, it is that of the first.',
      ),
    )
    .action(list);
}

type Listed = ChosenCatalog & ({ readonly catalog: Catalog } | { readonly error: FairleadError });

async function list(options: CatalogOptions & OutputOptions): Promise<void> {
  const [chosen, connect] = await Promise.all([
    chooseCatalogs(options, process.env),
    openCatalogRegistries(options, process.env),
  ]);
  const listed = await Promise.all(
    chosen.map(async (each): Promise<Listed> => {
      try {
        const [read] = await readCatalogs([each], connect);
        return read ?? Promise.reject(new Error('nothing was read'));
      } catch (error) {
        if (!(error instanceof FairleadError)) throw error;
        return { ...each, error };
      }
    }),
  );
  writeResult('catalog list', options.output, {
    json: () => ({ catalogs: listed.map(asDocument) }),
    text: () => listed.flatMap(asLines).join('\n'),
    quiet: () => listed.map(({ reference }) => formatReference(reference)).join('\n'),
  });
  const [first, ...others] = listed.flatMap((each) => ('error' in each ? [each.error] : []));
  if (first === undefined) return;
  throw failTogether(first, others, {
    all: listed.length,
    noun: 'catalogs',
    output: options.output,
    member: 'catalogs',
  });
}

function sizeOf({ shards }: Catalog): CatalogSize {
  return sizeOfCatalog(shards.flatMap(({ entries }) => entries));
}

function asDocument(listed: Listed): Document<'catalog list'>['catalogs'][number] {
  const named = { name: listed.name, reference: formatReference(listed.reference) };
  if ('error' in listed) {
    const { kind, message } = listed.error;
    return { ...named, digest: null, built: null, profiles: null, versions: null, error: { kind, message } };
  }
  const { catalog } = listed;
  return { ...named, digest: catalog.descriptor.digest, built: catalog.built ?? null, ...sizeOf(catalog), error: null };
}

function asLines(listed: Listed): readonly string[] {
  const reference = formatReference(listed.reference);
  const title = oneLine(listed.name === reference ? reference : `${listed.name}  ${reference}`);
  if ('error' in listed) return [title, `  error     ${shownMessage(listed.error)}`];
  const { profiles, versions } = sizeOf(listed.catalog);
  return [
    title,
    `  digest    ${listed.catalog.descriptor.digest}`,
    oneLine(`  built     ${listed.catalog.built ?? 'at an unknown time'}`),
    `  profiles  ${profiles}, in ${versions} versions`,
  ];
}
