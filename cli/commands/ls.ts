import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { formatRepository, isRegistry, parseReference, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import { isReservedTag } from '#lib/registry/reserved-tag';
import { openNetwork, openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

interface ListOptions extends OutputOptions, RegistryOptions {
  readonly all?: boolean;
}

/** `fairlead ls REGISTRY[/REPOSITORY]`. */
export function define(command: Command): void {
  command
    .description(
      'List the tags of a repository, or the repositories of a registry that tells them (many public ones do not). ' +
        'Tags that only stand for a digest, such as those of cosign signatures, are left out.',
    )
    .argument('<name>', 'registry/repository, or a registry')
    .option('--all', 'with the tags that stand for a digest');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['tags', 'fairlead ls ghcr.io/acme/profiles/nginx'],
        ['repositories', 'fairlead ls registry.example.com'],
      ]),
    )
    .action(list);
}

async function list(name: string, options: ListOptions): Promise<void> {
  const names = isRegistry(name) ? await repositories(name, options) : await tags(name, options);
  const sorted = names.toSorted((one, other) => one.localeCompare(other, 'en', { numeric: true }));
  writeResult(options.output, { json: () => sorted, text: () => sorted.map(oneLine).join('\n') });
}

async function repositories(registry: string, options: ListOptions): Promise<string[]> {
  if (options.ociLayout !== undefined) {
    throw new FairleadError('InvalidInput', '--oci-layout holds repositories, and does not list them', {
      hint: 'Name a repository, or look into the folder.',
    });
  }
  const [{ remoteCatalog }, network] = await Promise.all([
    import('#lib/registry/remote/catalog'),
    openNetwork(options, process.env),
  ]);
  const found = await all(remoteCatalog(registry, network));
  return found.map((repository) => formatRepository({ registry, repository }));
}

async function tags(name: string, options: ListOptions): Promise<string[]> {
  const reference = parseReference(name);
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw new FairleadError('InvalidInput', `${name} names one artifact`, {
      hint: `Its repository: fairlead ls ${formatRepository(reference)}. What is in it: fairlead inspect ${name}`,
    });
  }
  const connect = await openRegistries(options, process.env);
  const found = await all(connect(reference).tags());
  if (options.ociLayout !== undefined && found.length === 0) await refuseAbsent(options.ociLayout, reference);
  return options.all ? found : found.filter((tag) => !isReservedTag(tag));
}

/** Refuses a repository that is not there, as registries do. */
async function refuseAbsent(layout: string, reference: Reference): Promise<void> {
  const { repositoryFolder } = await import('#lib/registry/layout/repository-folder');
  const folder = repositoryFolder(layout, repositoryName(formatRepository(reference)));
  if (existsSync(folder)) return;
  throw new FairleadError('NotFound', `${folder}: no such repository`, {
    hint: 'Check the folder that --oci-layout names, and the repository.',
  });
}

async function all(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}
