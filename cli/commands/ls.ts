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
      'List the tags of a repository, or the repositories of a registry. Many public registries do not list repositories. ' +
        'Tags that only stand for a digest, such as those of cosign signatures, are left out.',
    )
    .argument('<name>', 'registry/repository, or registry')
    .option('--all', 'list tags that stand for a digest too');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['list tags', 'fairlead ls ghcr.io/acme/profiles/nginx'],
        ['list repositories', 'fairlead ls registry.example.com'],
      ]),
    )
    .action(list);
}

async function list(name: string, options: ListOptions): Promise<void> {
  const names = isRegistry(name) ? await repositories(name, options) : await tags(name, options);
  // One collator for all comparisons: localeCompare makes one for each.
  const sorted = names.toSorted(new Intl.Collator('en', { numeric: true }).compare);
  writeResult('ls', options.output, { json: () => ({ names: sorted }), text: () => sorted.map(oneLine).join('\n') });
}

async function repositories(registry: string, options: ListOptions): Promise<string[]> {
  if (options.ociLayout !== undefined) {
    throw new FairleadError('InvalidInput', 'cannot list the repositories of an OCI layout', {
      hint: 'Name a repository, or look into the directory.',
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
    throw new FairleadError('InvalidInput', `${name} is the reference of an artifact`, {
      hint: `To list its repository: \`fairlead ls ${formatRepository(reference)}\`. To show the artifact: \`fairlead inspect ${name}\``,
    });
  }
  const connect = await openRegistries(options, process.env);
  const found = await all(connect(reference).tags());
  if (options.ociLayout !== undefined && found.length === 0) await refuseAbsent(options.ociLayout, reference);
  return options.all ? found : found.filter((tag) => !isReservedTag(tag));
}

/** Throws NotFound for a repository that does not exist, as registries do. */
async function refuseAbsent(layout: string, reference: Reference): Promise<void> {
  const { repositoryDirectory } = await import('#lib/registry/layout/repository-directory');
  const directory = repositoryDirectory(layout, repositoryName(formatRepository(reference)));
  if (existsSync(directory)) return;
  throw new FairleadError('NotFound', `${directory}: no such repository`, {
    hint: 'Check --oci-layout and the name of the repository.',
  });
}

async function all(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}
