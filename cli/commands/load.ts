import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { OpenedLayout } from '#lib/registry/layout/open-layout';
import type { LoadDestination, PlannedLoad } from '#lib/registry/layout/plan-load';
import { formatReference, formatRepository } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { withTemporaryLayout } from '../files/temporary-layout.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';
import { describeTransfer, watchTransfer } from '../terminal/transfer.ts';

/** `fairlead load FILE [REFERENCE]`. */
export function define(command: Command): void {
  command
    .description(
      'Load the artifacts of an OCI archive or layout directory into a registry, with their signatures: those of fairlead save, ' +
        'cosign save, skopeo, oras or crane. All digests are checked, signatures are not: use fairlead verify, which works offline.',
    )
    .argument('<file>', 'OCI archive, OCI layout directory, or a directory of several, as --oci-layout makes it')
    .argument(
      '[destination]',
      'registry/repository, to load all artifacts under their tags; with :tag or @sha256:…, to load one artifact; registry/ or ' +
        'registry/prefix/, to load each to the repository that it was saved from, there (with --oci-layout, default: its own name)',
    );
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['load all artifacts under their tags', 'fairlead load nginx.tar registry.internal/profiles/nginx'],
        [
          'load several repositories: acme/nginx to mirror/acme/nginx',
          'fairlead load profiles.tar registry.internal/mirror/',
        ],
        ['load the only artifact under another tag', 'fairlead load nginx.tar registry.internal/profiles/nginx:stable'],
        ['load one artifact of several', 'fairlead load nginx.tar registry.internal/profiles/nginx@sha256:…'],
        ['load what was published to a directory', 'fairlead load ./profiles registry.internal/mirror/'],
        ['load a directory of cosign save', 'fairlead load ./saved registry.internal/profiles/nginx:1.27'],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('loaded', {
        ...registryErrors,
        InvalidInput: 'no such file, an incomplete archive or another invalid request',
      }),
    )
    .action(load);
}

async function load(
  file: string,
  destinationText: string | undefined,
  options: OutputOptions & RegistryOptions,
): Promise<void> {
  if (destinationText === undefined && options.ociLayout === undefined) {
    throw new FairleadError('InvalidInput', `no destination for ${file}`, {
      hint: 'Name a repository, or a registry with a slash at its end to keep the repositories: registry.internal/',
    });
  }
  const [{ parseLoadDestination, planLoad }, { copySigned }, connect] = await Promise.all([
    import('#lib/registry/layout/plan-load'),
    import('#lib/trust/sign/copy-signed'),
    openRegistries(options, process.env),
  ]);
  const destination = parseLoadDestination(destinationText === undefined ? undefined : withoutScheme(destinationText));
  const transfer = watchTransfer();
  const { onContent, onProgress } = transfer;
  const loaded: PlannedLoad[] = [];
  const repositories = new Map<string, Repository>();
  await withLayouts(file, destination, async (layouts) => {
    // All of it is planned before anything is sent.
    const plans = layouts.flatMap(({ roots, repository: source }) =>
      planLoad(roots, destination, file).map((planned) => ({ source, planned })),
    );
    for (const { source, planned } of plans) {
      const name = formatRepository(planned.repository);
      const target = repositories.get(name) ?? connect(planned.repository);
      repositories.set(name, target);
      const watched = { onContent, onProgress, tags: planned.tags };
      await transfer.during(copySigned(source, target, planned.descriptor, watched));
      loaded.push(planned);
    }
  });
  const references = loaded.flatMap(({ descriptor: { digest }, repository, tags }) =>
    (tags.length === 0 ? [{}] : tags.map((tag) => ({ tag }))).map((tag) => ({
      reference: formatReference({ ...repository, ...tag, digest }),
      digest,
    })),
  );
  writeResult('load', options.output, {
    json: () => ({ loaded: references, content: transfer.counts, sentBytes: transfer.sentBytes }),
    text: () => [...references.map((each) => `loaded     ${each.reference}`), describeTransfer(transfer)].join('\n'),
    quiet: () => references.map((each) => each.reference).join('\n'),
  });
}

/**
 * Runs an action with the layout of an archive, unpacked, with a layout directory as it is, or with
 * all layouts of a directory of many.
 */
async function withLayouts(
  file: string,
  destination: LoadDestination,
  action: (layouts: readonly OpenedLayout[]) => Promise<void>,
): Promise<void> {
  const { openLayout } = await import('#lib/registry/layout/open-layout');
  if (existsSync(file) && statSync(file).isDirectory()) {
    if (!existsSync(join(file, 'index.json'))) return action(await layoutsBelow(file, destination));
    return fromComplete(file, file, async () => action([await openLayout(file)]));
  }
  const { readArchive } = await import('../files/archive-file.ts');
  await withTemporaryLayout(async ({ directory, name }) => {
    await readArchive(file, directory, name);
    const root = join(directory, name);
    await fromComplete(file, root, async () => action([await openLayout(root)]));
  });
}

/** Opens a directory of many layouts, such as `--oci-layout` makes. Throws InvalidInput. */
async function layoutsBelow(directory: string, destination: LoadDestination): Promise<readonly OpenedLayout[]> {
  const { openLayouts } = await import('#lib/registry/layout/open-layouts');
  const found = await openLayouts(directory);
  const [first] = found;
  if (first === undefined) {
    throw new FairleadError('InvalidInput', `${directory}: has no index.json, and no OCI layouts below it`, {
      hint: 'Name an OCI layout directory, in which oci-layout, index.json and blobs are, or a directory of several.',
    });
  }
  if (found.length > 1 && typeof destination === 'object' && 'reference' in destination) {
    throw new FairleadError(
      'InvalidInput',
      `${directory} has ${found.length} repositories, and the destination is one`,
      {
        hint: `End the destination with a slash to load each under its name: registry/ or registry/prefix/. Or name the directory of one, such as ${first.root}`,
      },
    );
  }
  return found.map(({ layout }) => layout);
}

/**
 * Runs an action that reads an archive unpacked at `root`. Throws InvalidInput, naming the archive,
 * if content is missing in it.
 */
async function fromComplete(file: string, root: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'NotFound' || !error.message.startsWith(`${root}:`)) {
      throw error;
    }
    throw new FairleadError('InvalidInput', `${file} is incomplete${error.message.slice(root.length)}`, {
      hint: 'Save it again. No incomplete artifact was tagged.',
    });
  }
}
