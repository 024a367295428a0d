import { join } from 'node:path';
import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { LayoutRoot } from '#lib/registry/layout/layout-roots';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatReference, isTag, parseReference, type Reference } from '#lib/registry/reference';
import { isReservedTag, refuseReservedTag } from '#lib/registry/reserved-tag';
import { quote } from '#lib/text/quote';
import { withTemporaryLayout } from '../files/temporary-layout.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { writeResult } from '../terminal/output.ts';
import { describeTransfer, watchTransfer } from '../terminal/transfer.ts';

/** `fairlead load FILE REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Load an OCI archive into a registry, with the signatures in it: one of fairlead save, skopeo or oras. All digests are ' +
        'checked, signatures are not: use fairlead verify, which works offline.',
    )
    .argument('<file>', 'OCI archive')
    .argument(
      '<reference>',
      'registry/repository, to load all artifacts under their tags; with :tag or @sha256:…, to load one artifact',
    );
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['load all artifacts under their tags', 'fairlead load nginx.tar registry.internal/profiles/nginx'],
        ['load the only artifact under another tag', 'fairlead load nginx.tar registry.internal/profiles/nginx:stable'],
        ['load one artifact of several', 'fairlead load nginx.tar registry.internal/profiles/nginx@sha256:…'],
      ]),
    )
    .action(load);
}

async function load(file: string, referenceText: string, options: OutputOptions & RegistryOptions): Promise<void> {
  const reference = parseReference(referenceText);
  refuseReservedTag(reference.tag);
  const [{ copySigned }, { readArchive }, { layoutRoots }, connect] = await Promise.all([
    import('#lib/trust/sign/copy-signed'),
    import('../files/archive-file.ts'),
    import('#lib/registry/layout/layout-roots'),
    openRegistries(options, process.env),
  ]);
  const target = connect(reference);
  const transfer = watchTransfer();
  const loaded: PinnedReference[] = [];
  await withTemporaryLayout(async ({ directory, name, repository }) => {
    await readArchive(file, directory, name);
    await fromComplete(file, join(directory, name), async () => {
      const roots = (await layoutRoots(directory, name)).filter(
        ({ tags }) => tags.length === 0 || !tags.every(isReservedTag),
      );
      for (const { descriptor, tags } of choose(roots, reference, file)) {
        await copySigned(repository, target, descriptor, { onContent: transfer.onContent, tags });
        const { registry, repository: path } = reference;
        const { digest } = descriptor;
        loaded.push(
          ...(tags.length === 0 ? [{}] : tags.map((tag) => ({ tag }))).map((tag) => ({
            registry,
            repository: path,
            ...tag,
            digest,
          })),
        );
      }
    });
  });
  writeResult('load', options.output, {
    json: () => ({
      loaded: loaded.map((each) => ({ reference: formatReference(each), digest: each.digest })),
      content: transfer.counts,
      sentBytes: transfer.sentBytes,
    }),
    text: () => [...loaded.map((each) => `loaded     ${formatReference(each)}`), describeTransfer(transfer)].join('\n'),
  });
}

/**
 * Runs an action that reads an archive unpacked at `root`. Throws InvalidInput, naming the archive,
 * if content is missing in it.
 */
async function fromComplete(file: string, root: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'NotFound' || !error.message.startsWith(root)) throw error;
    throw new FairleadError('InvalidInput', `${file} is incomplete${error.message.slice(root.length)}`, {
      hint: 'Save the archive again. No incomplete artifact was tagged.',
    });
  }
}

/**
 * Returns the artifacts of an archive to load, with their tags. Throws NotFound if there is none,
 * and InvalidInput if one tag is given for several, or if a tag in the archive is invalid.
 */
function choose(roots: readonly LayoutRoot[], { tag, digest }: Reference, file: string): readonly LayoutRoot[] {
  const wanted = digest === undefined ? roots : roots.filter(({ descriptor }) => descriptor.digest === digest);
  const [first] = wanted;
  if (first === undefined) {
    const held = roots.map(({ descriptor, tags }) => tags[0] ?? descriptor.digest).join(', ');
    throw new FairleadError('NotFound', `${file} has no ${digest ?? 'artifact'}`, {
      hint: held === '' ? 'It was made from an empty layout. Save it again.' : `It has ${held}.`,
    });
  }
  if (tag === undefined) {
    const bad = wanted.flatMap(({ tags }) => tags).find((each) => !isTag(each) || isReservedTag(each));
    if (bad === undefined) return wanted;
    const why = isTag(bad) ? 'reserved' : 'invalid';
    throw new FairleadError('InvalidInput', `${why} tag ${quote(bad, 200)} in ${file}`, {
      hint: 'Specify another tag: registry/repository:tag.',
    });
  }
  if (wanted.length > 1) {
    const all = wanted.map(({ descriptor, tags }) => tags[0] ?? descriptor.digest).join(', ');
    throw new FairleadError(
      'InvalidInput',
      `${file} has ${wanted.length} artifacts, and only one can have the tag ${tag}: ${all}`,
      {
        hint: 'Add the digest of one (:TAG@sha256:…), or leave out the tag to load all under their own tags.',
      },
    );
  }
  return [{ descriptor: first.descriptor, tags: [tag] }];
}
