import { setTimeout } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CatalogNews, SeenVersions } from '#lib/catalog/catalog-news';
import { forEachOf } from '#lib/concurrency/for-each-of';
import { FairleadError } from '#lib/errors';
import { formatReference } from '#lib/registry/reference';
import { addCatalogOptions, type CatalogOptions } from '../catalogs/catalog-options.ts';
import { type ComparedNews, compareNews, newsDocument, newsText } from '../catalogs/describe-news.ts';
import { readFollowState, writeFollowState } from '../catalogs/follow-state.ts';
import { type ChosenCatalog, chooseCatalogs, openCatalogRegistries, readCatalogs } from '../catalogs/open-catalogs.ts';
import type { Connect } from '../options/connect.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { versioned, writeFailure, writeResult } from '../terminal/output.ts';

interface FollowOptions extends CatalogOptions, OutputOptions {
  readonly state?: string;
  /** Seconds. */
  readonly interval?: number;
}

/** Profiles whose versions are pulled at the same time. */
const comparedAtOnce = 8;

/** `fairlead catalog follow`. */
export function define(command: Command): void {
  command
    .summary('report new versions of profiles')
    .description(
      'Report new profiles of catalogs, new versions of them, and what these permit more or less than the version before. ' +
        'With --state, what was seen is kept in a file, and the next run reports what is new since then. With --interval, ' +
        'the catalogs are read again and again until the program is stopped. The first time that a catalog is read, ' +
        'nothing is reported. With --output json, one document on a line for each catalog that has news.',
    )
    .option('--state <file>', 'file with what was seen; created by the first run')
    .addOption(new Option('--interval <seconds>', 'seconds between two passes').argParser(parseInterval));
  addCatalogOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['report in a daily job what is new since yesterday', 'fairlead catalog follow --state seen.json'],
        ['report until stopped', 'fairlead catalog follow --interval 3600'],
        [
          'open an issue for each version that permits more',
          "fairlead catalog follow --state seen.json -o json | jq -r '.news[] | select(.loosened) | .to'",
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes(
        'read, also if nothing is new',
        { ...registryErrors, SignatureInvalid: 'a catalog is not signed as required' },
        'With --interval, a pass that fails is reported, and the next one follows.',
      ),
    )
    .action(follow);
}

async function follow(options: FollowOptions): Promise<void> {
  const { state: file, interval } = options;
  if (file === undefined && interval === undefined) {
    throw new FairleadError('InvalidInput', 'nothing specifies since when versions are new', {
      hint: 'Use --state FILE to report what is new since the last run, or --interval SECONDS to run until stopped.',
    });
  }
  const [chosen, connect] = await Promise.all([
    chooseCatalogs(options, process.env),
    openCatalogRegistries(options, process.env),
  ]);
  const seen = new Map(file === undefined ? [] : await readFollowState(file));
  for (;;) {
    try {
      await pass(chosen, seen, connect, options);
    } catch (error) {
      if (interval === undefined || !(error instanceof FairleadError) || error.kind === 'Internal') throw error;
      writeFailure(error, options.ociLayout);
    }
    if (interval === undefined) return;
    await setTimeout(interval * 1000);
  }
}

/** Reads each catalog once, reports its news, and remembers what was seen. */
async function pass(
  chosen: readonly ChosenCatalog[],
  seen: Map<string, SeenVersions>,
  connect: Connect,
  { output, state: file }: FollowOptions,
): Promise<void> {
  const [{ entriesOf }, { groupEntries }, { catalogNews, seenVersions }] = await Promise.all([
    import('#lib/catalog/read-catalog'),
    import('#lib/catalog/group-entries'),
    import('#lib/catalog/catalog-news'),
  ]);
  for (const { name, policy, catalog } of await readCatalogs(chosen, connect)) {
    const { registry, repository, tag } = catalog.reference;
    const key = formatReference({ registry, repository, ...(tag !== undefined && { tag }) });
    const profiles = groupEntries(entriesOf(catalog));
    const before = seen.get(key);
    const news = before === undefined ? [] : catalogNews(before, profiles);
    const comparisons = new Map<CatalogNews, ComparedNews>();
    await forEachOf(news, comparedAtOnce, async (each) => {
      comparisons.set(each, await compareNews(each, { policy, connect }));
    });
    const compared = news.flatMap((each) => comparisons.get(each) ?? []);
    if (compared.length > 0) {
      const document = () => ({ catalog: name, digest: catalog.descriptor.digest, news: compared.map(newsDocument) });
      if (output === 'json') process.stdout.write(`${JSON.stringify(versioned('catalog follow', document()))}\n`);
      else writeResult('catalog follow', output, { json: document, text: () => compared.map(newsText).join('\n') });
    }
    seen.set(key, seenVersions(profiles));
    // After each catalog: what was reported is not reported again.
    if (file !== undefined) await writeFollowState(file, seen);
  }
}

function parseInterval(text: string): number {
  if (/^[1-9][0-9]{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Want a number of seconds, at least 1.');
}
