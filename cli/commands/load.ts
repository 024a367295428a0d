import { join } from 'node:path';
import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { LayoutRoot } from '#lib/registry/layout/layout-roots';
import { formatReference, isTag, parseReference, type Reference } from '#lib/registry/reference';
import { isReservedTag, refuseReservedTag } from '#lib/registry/reserved-tag';
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
      'Bring what fairlead save put into an OCI archive into a registry, with its signatures. Archives of skopeo and oras are read too. ' +
        'Every digest is checked; who signed it is not: fairlead verify does that, offline.',
    )
    .argument('<file>', 'the archive')
    .argument(
      '<reference>',
      'registry/repository: all that is in it, under its tags; with :tag or @sha256:…, the one artifact of it',
    );
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['under its own tag', 'fairlead load nginx.tar registry.internal/profiles/nginx'],
        ['under another one', 'fairlead load nginx.tar registry.internal/profiles/nginx:stable'],
        ['only this content', 'fairlead load nginx.tar registry.internal/profiles/nginx@sha256:…'],
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
  const loaded: Reference[] = [];
  await withTemporaryLayout(async ({ folder, name, repository }) => {
    await readArchive(file, folder, name);
    await wholly(file, join(folder, name), async () => {
      const roots = (await layoutRoots(folder, name)).filter(
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
  writeResult(options.output, {
    json: () => ({
      loaded: loaded.map((each) => ({ reference: formatReference(each), digest: each.digest })),
      content: transfer.counts,
      sentBytes: transfer.sentBytes,
    }),
    text: () => [...loaded.map((each) => `loaded     ${formatReference(each)}`), describeTransfer(transfer)].join('\n'),
  });
}

/**
 * Does what reads an archive that was unpacked at `root`. Throws InvalidInput naming its file where
 * content is missing there.
 */
async function wholly(file: string, root: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'NotFound' || !error.message.startsWith(root)) throw error;
    throw new FairleadError('InvalidInput', `${file} is not whole${error.message.slice(root.length)}`, {
      hint: 'Save it again where it came from. What is not whole got no tag.',
    });
  }
}

/**
 * What of an archive is wanted, with the tags that it gets. Throws NotFound, and InvalidInput where
 * a tag would fit several.
 */
function choose(roots: readonly LayoutRoot[], { tag, digest }: Reference, file: string): readonly LayoutRoot[] {
  const wanted = digest === undefined ? roots : roots.filter(({ descriptor }) => descriptor.digest === digest);
  const [first] = wanted;
  if (first === undefined) {
    const held = roots.map(({ descriptor, tags }) => tags[0] ?? descriptor.digest).join(', ');
    throw new FairleadError('NotFound', `${file} holds no ${digest ?? 'artifact'}`, {
      hint: held === '' ? 'It was made of an empty layout. Save it again.' : `It holds ${held}.`,
    });
  }
  if (tag === undefined) {
    const bad = wanted.flatMap(({ tags }) => tags).find((each) => !isTag(each) || isReservedTag(each));
    if (bad === undefined) return wanted;
    const why = isTag(bad) ? 'a reserved tag' : 'no tag';
    throw new FairleadError(
      'InvalidInput',
      `${file} calls an artifact ${JSON.stringify(bad.slice(0, 200))}, which is ${why}`,
      {
        hint: 'Name the tag that it is to have: registry/repository:tag.',
      },
    );
  }
  if (wanted.length > 1) {
    const all = wanted.map(({ descriptor, tags }) => tags[0] ?? descriptor.digest).join(', ');
    throw new FairleadError(
      'InvalidInput',
      `${file} holds ${wanted.length} artifacts, of which one only can be :${tag}: ${all}`,
      {
        hint: 'Name the one by its digest (:TAG@sha256:…), or leave the tag out to load all under their own tags.',
      },
    );
  }
  return [{ descriptor: first.descriptor, tags: [tag] }];
}
