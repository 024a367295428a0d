import type { Command } from 'commander';
import { formatReference } from '#lib/registry/reference';
import { addCatalogOptions, type CatalogOptions } from '../catalogs/catalog-options.ts';
import { differenceDocument, differenceLines } from '../catalogs/difference.ts';
import { chooseCatalogs, openCatalogRegistries, readCatalogs } from '../catalogs/open-catalogs.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead catalog diff FROM TO`. */
export function define(command: Command): void {
  command
    .summary('compare two catalogs')
    .description(
      'Compare two catalogs: which artifacts were added and removed, which tags moved, and which artifacts have other tags or ' +
        'signers. To compare what two profiles permit, use fairlead diff.',
    )
    .argument(
      '<old>',
      'old catalog: its name in the configuration, registry/repository:tag or registry/repository@sha256:…',
    )
    .argument('<new>', 'new catalog, named in the same way');
  addCatalogOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'show what changed since an older build',
          'fairlead catalog diff ghcr.io/acme/catalog@sha256:… ghcr.io/acme/catalog:latest --key fairlead.pub',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('compared', { ...registryErrors, SignatureInvalid: 'a catalog is not signed as required' }),
    )
    .action(diff);
}

async function diff(from: string, to: string, options: CatalogOptions & OutputOptions): Promise<void> {
  const [chosen, connect, { entriesOf }, { diffCatalogs }] = await Promise.all([
    chooseCatalogs({ ...options, catalog: [from, to] }, process.env),
    openCatalogRegistries(options, process.env),
    import('#lib/catalog/read-catalog'),
    import('#lib/catalog/diff-catalogs'),
  ]);
  const catalogs = (await readCatalogs(chosen, connect)).map(({ catalog }) => catalog);
  const [before = [], after = []] = catalogs.map(entriesOf);
  const [old = '', now = ''] = catalogs.map(({ reference }) => formatReference(reference));
  const found = diffCatalogs(before, after);
  writeResult('catalog diff', options.output, {
    json: () => ({ from: old, to: now, ...differenceDocument(found) }),
    text: () => differenceLines(found).join('\n') || 'No difference.',
  });
}
