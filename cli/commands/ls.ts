import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { formatRepository, isRegistry, parseReference, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import { isReservedTag } from '#lib/registry/reserved-tag';
import { compareNaturally } from '#lib/text/natural-order';
import { openNetwork, openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

interface ListOptions extends OutputOptions, RegistryOptions {
  readonly all?: boolean;
}

/** `fairlead ls REGISTRY[/REPOSITORY]`. */
export function define(command: Command): void {
  command
    .description(
      'List the tags of a repository, or the repositories of a registry. Many public registries do not list repositories. ' +
        'Tags that only stand for a digest, such as those of cosign signatures, are left out. With --oci-layout and without a ' +
        'name, list the repositories of the directory; or the artifacts of a layout or archive that any tool wrote.',
    )
    .argument('[name]', 'registry/repository, or registry')
    .option('--all', 'list tags that stand for a digest too');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['list tags', 'fairlead ls ghcr.io/acme/profiles/nginx'],
        ['list repositories', 'fairlead ls registry.example.com'],
        ['list what is in an archive', 'fairlead ls --oci-layout profiles.tar'],
      ]),
    )
    .addHelpText('after', exitCodes('listed', { ...registryErrors, NotFound: 'no such repository' }))
    .action(list);
}

async function list(name: string | undefined, options: ListOptions): Promise<void> {
  const names = await namesOf(name, options);
  const sorted = names.toSorted(compareNaturally);
  writeResult('ls', options.output, { json: () => ({ names: sorted }), text: () => sorted.map(oneLine).join('\n') });
}

async function namesOf(name: string | undefined, options: ListOptions): Promise<string[]> {
  if (name === undefined) {
    if (options.ociLayout !== undefined) return inLayout(options.ociLayout);
    throw new FairleadError('InvalidInput', 'ls takes the name of a repository or registry', {
      hint: 'Add registry/repository to list its tags, or --oci-layout PATH to list what is there.',
    });
  }
  const named = withoutScheme(name);
  return isRegistry(named) ? repositories(named, options) : tags(named, options);
}

async function inLayout(path: string): Promise<string[]> {
  const { listLayout } = await import('#lib/registry/layout/list-layout');
  return listLayout(path);
}

async function repositories(registry: string, options: ListOptions): Promise<string[]> {
  if (options.ociLayout !== undefined) {
    const prefix = `${repositoryName(registry)}/`;
    return (await inLayout(options.ociLayout)).filter((name) => name.startsWith(prefix));
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
  const found = await all(connect(reference).tags()).catch((error: unknown) => {
    throw unlisted(error, reference);
  });
  if (options.ociLayout !== undefined && found.length === 0) await refuseAbsent(options.ociLayout, reference);
  return options.all ? found : found.filter((tag) => !isReservedTag(tag));
}

/** Names in the error for an unknown repository how to list those of its registry. */
function unlisted(error: unknown, { registry }: Reference): unknown {
  if (!(error instanceof FairleadError) || error.kind !== 'NotFound') return error;
  return new FairleadError('NotFound', error.message, {
    cause: error.cause,
    hint: `Check the name. To list the repositories of the registry, if it can: \`fairlead ls ${registry}\``,
  });
}

/** Throws NotFound for a repository that does not exist, as registries do. */
async function refuseAbsent(layout: string, reference: Reference): Promise<void> {
  const { repositoryDirectory } = await import('#lib/registry/layout/repository-directory');
  const directory = repositoryDirectory(layout, repositoryName(formatRepository(reference)));
  if (existsSync(directory)) return;
  throw new FairleadError('NotFound', `${directory}: no such repository`, {
    hint: `To list what is there: fairlead ls --oci-layout ${layout}`,
  });
}

async function all(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}
