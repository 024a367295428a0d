import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '#lib/catalog/read-catalog';
import { FairleadError } from '#lib/errors';
import { formatReference, formatRepository, parseReference, tagOrDigestOf } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import { readInput } from '../files/files.ts';
import { type Connect, openRegistries } from '../options/connect.ts';
import { names, openReadingPolicy } from '../options/pull-policy.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import type { CatalogOptions } from './catalog-options.ts';
import { type ConfiguredCatalog, parseCatalogs } from './parse-catalogs.ts';

/** A trust policy, with limits for profiles. */
export type CatalogPolicy = Awaited<ReturnType<typeof openReadingPolicy>>;

/** A catalog that a command uses, and what it must meet. */
export interface ChosenCatalog {
  /** Its name in the configuration, or its reference. */
  readonly name: string;
  readonly reference: ConfiguredCatalog['reference'];
  readonly policy: CatalogPolicy;
}

const maxConfigurationBytes = 1024 * 1024;

/**
 * Returns the catalogs that the options specify: those of `--catalog`, by reference or by their
 * name in the configuration, or all of the configuration. Throws InvalidInput if no catalog is
 * specified, and if nothing specifies what one must meet.
 */
export async function chooseCatalogs(
  options: CatalogOptions,
  env: NodeJS.ProcessEnv,
): Promise<readonly ChosenCatalog[]> {
  const { file, configured } = await readConfiguration(options, env);
  const wanted = options.catalog?.map((text) => named(text, configured)) ?? configured;
  if (wanted.length === 0) {
    throw new FairleadError('InvalidInput', 'no catalog is specified', {
      hint: `Use --catalog registry/repository:tag, or name catalogs in ${file}.`,
    });
  }
  const chosen: ChosenCatalog[] = [];
  for (const { name, reference, policy, key } of wanted) {
    // What the command line or the environment specifies comes before the configuration.
    const isGiven = options.insecureUnverified === true || names(options);
    const own = { ...(policy !== undefined && { policy }), ...(key !== undefined && { key }) };
    const trust = isGiven ? options : own;
    chosen.push({
      name,
      reference,
      policy: await openReadingPolicy(trust, `catalog ${formatReference(reference)}`, env),
    });
  }
  return chosen;
}

/** Opens the registries of catalogs and of their profiles. */
export function openCatalogRegistries(options: CatalogOptions, env: NodeJS.ProcessEnv): Promise<Connect> {
  return openRegistries(options, env);
}

/** Reads catalogs at the same time, and returns each with its name. Rejects as readCatalog. */
export async function readCatalogs(
  chosen: readonly ChosenCatalog[],
  connect: Connect,
): Promise<readonly (ChosenCatalog & { readonly catalog: Catalog })[]> {
  const { readCatalog } = await import('#lib/catalog/read-catalog');
  return Promise.all(
    chosen.map(async (each) => ({
      ...each,
      catalog: await readCatalog(each.reference, { policy: each.policy, connect }),
    })),
  );
}

async function readConfiguration(
  { catalogs }: CatalogOptions,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly file: string; readonly configured: readonly ConfiguredCatalog[] }> {
  const file = catalogs ?? join(configDirectory(env), 'fairlead', 'catalogs.yaml');
  // The default file may be missing, one that is named may not.
  if (catalogs === undefined && !(await exists(file))) return { file, configured: [] };
  const text = new TextDecoder().decode(await readInput(file, maxConfigurationBytes));
  return { file, configured: parseCatalogs(text, file) };
}

function configDirectory(env: NodeJS.ProcessEnv): string {
  const { XDG_CONFIG_HOME: configured = '', HOME: home = '' } = env;
  return configured === '' ? join(home, '.config') : configured;
}

/** A file that cannot be examined for another reason exists: reading it reports the reason. */
async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT' && code !== 'ENOTDIR',
  );
}

function named(text: string, configured: readonly ConfiguredCatalog[]): ConfiguredCatalog {
  const found = configured.find(({ name }) => name === text);
  if (found !== undefined) return found;
  if (!text.includes('/')) {
    const known = configured.map(({ name }) => name).join(', ');
    throw new FairleadError('InvalidInput', `no catalog in the configuration is named ${JSON.stringify(text)}`, {
      hint: known === '' ? 'Write its reference: registry/repository:tag.' : `There are: ${known}.`,
    });
  }
  const reference = parseReference(withoutScheme(text));
  tagOrDigestOf(reference);
  // Another build of a configured catalog must meet what that one must meet.
  const repository = repositoryName(formatRepository(reference));
  const same = configured.find((each) => repositoryName(formatRepository(each.reference)) === repository);
  return { ...same, name: formatReference(reference), reference };
}
