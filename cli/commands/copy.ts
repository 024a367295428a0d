import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import {
  formatReference,
  formatRepository,
  parseReference,
  type Reference,
  tagOrDigestOf,
} from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import { parseRequested } from '#lib/registry/requested-reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { Repository } from '#lib/registry/target';
import type { TagCopy } from '#lib/trust/sign/copy-repository';
import { openRegistries } from '../options/connect.ts';
import { addOutputOption, examples, type OutputOptions, trustRealmOption } from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { settleRequested } from '../options/requested.ts';
import { addVerbosityOptions } from '../options/verbosity.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';
import { describeTransfer, watchTransfer } from '../terminal/transfer.ts';

/** Most failed tags that an error lists. */
const failuresShown = 20;

interface CopyCommandOptions extends OutputOptions {
  readonly allTags?: boolean;
  readonly fromOciLayout?: string;
  readonly toOciLayout?: string;
  readonly plainHttp?: boolean;
  readonly trustRealm?: readonly string[];
  readonly referrers: boolean;
}

/** `fairlead copy SOURCE DESTINATION`. */
export function define(command: Command): void {
  command
    .description(
      'Copy an artifact to another repository or registry, with its signatures, attestations and other referrers. Content that ' +
        'the destination has is not sent again, and the tag is set last. The signatures are not verified: use fairlead verify ' +
        'on the copy. The credentials of both registries are those of fairlead login or docker login.',
    )
    .argument(
      '<source>',
      'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE; with --all-tags, registry/repository',
    )
    .argument('<destination>', 'registry/repository[:tag] (default: the tag of the source)')
    .option('--all-tags', 'copy all tags of the repository; a tag that fails does not end the copy')
    .option('--no-referrers', 'do not copy signatures and other referrers')
    .option('--from-oci-layout <directory>', 'read from this OCI layout directory instead of a registry')
    .option('--to-oci-layout <directory>', 'write to this OCI layout directory instead of a registry')
    .option('--plain-http', 'use HTTP instead of HTTPS for the registries (always used for loopback addresses)')
    .addOption(trustRealmOption());
  addVerbosityOptions(addOutputOption(command))
    .addHelpText(
      'after',
      examples([
        [
          'promote an artifact from staging to production',
          'fairlead copy registry.example.com/staging/nginx:1.27 registry.example.com/production/nginx',
        ],
        [
          'copy a digest, and tag it',
          'fairlead copy ghcr.io/acme/profiles/nginx@sha256:… mirror.example.com/profiles/nginx:stable',
        ],
        [
          'mirror a repository; a second run sends only what is new',
          'fairlead copy --all-tags ghcr.io/acme/profiles/nginx mirror.example.com/profiles/nginx',
        ],
        [
          'copy to a directory',
          'fairlead copy ghcr.io/acme/profiles/nginx:1.27 localhost/profiles/nginx --to-oci-layout ./profiles',
        ],
      ]),
    )
    .addHelpText('after', exitCodes('copied', registryErrors, 'If several tags fail, it is that of the first.'))
    .action(copy);
}

async function copy(sourceText: string, destinationText: string, options: CopyCommandOptions): Promise<void> {
  const destination = parseReference(withoutScheme(destinationText));
  if (options.allTags) return copyAllTags(parseReference(withoutScheme(sourceText)), destination, options);
  const requested = parseRequested(withoutScheme(sourceText));
  if (destination.digest !== undefined) {
    throw new FairleadError('InvalidInput', `cannot copy to a digest: ${destinationText}`, {
      hint: 'Name a repository, with or without a tag. The copy has the digest of the source.',
    });
  }
  refuseReservedTag(destination.tag);
  const [{ copyGraph }, { copySigned }, { from, to }] = await Promise.all([
    import('#lib/registry/copy'),
    import('#lib/trust/sign/copy-signed'),
    openBoth(options),
  ]);
  const source = await settleRequested(requested, from);
  const tag = destination.tag ?? source.tag;
  refuseReservedTag(tag);
  const [read, write] = [from(source), to(destination)];
  const artifact = await read.resolve(tagOrDigestOf(source));
  const transfer = watchTransfer();
  const { onContent, onProgress, onSkipped } = transfer;
  const watched = { onContent, onProgress, onSkipped };
  if (options.referrers) {
    const tags = tag === undefined ? [] : [tag];
    await transfer.during(copySigned(read, write, artifact, { ...watched, tags }));
  } else {
    await transfer.during(copyGraph(read, write, artifact, { ...watched, withReferrers: false }));
    if (tag !== undefined) await write.tag(artifact, tag);
  }
  const copied: Reference = { ...destination, ...(tag === undefined ? {} : { tag }), digest: artifact.digest };
  writeResult('copy', options.output, {
    json: () => ({
      source: formatReference({ ...source, digest: artifact.digest }),
      reference: formatReference(copied),
      digest: artifact.digest,
      content: transfer.counts,
      sentBytes: transfer.sentBytes,
      skipped: transfer.skipped,
    }),
    text: () => `copied     ${formatReference(copied)}\n${describeTransfer(transfer)}`,
    quiet: () => formatReference(copied),
  });
}

/** Copies all tags of a repository. Throws an error of the kind of the first tag that failed. */
async function copyAllTags(source: Reference, destination: Reference, options: CopyCommandOptions): Promise<void> {
  for (const reference of [source, destination]) {
    if (reference.tag === undefined && reference.digest === undefined) continue;
    throw new FairleadError('InvalidInput', `--all-tags copies a repository, not ${formatReference(reference)}`, {
      hint: `Name the repository only, ${formatRepository(reference)}, or leave out --all-tags.`,
    });
  }
  const [from, to] = [formatRepository(source), formatRepository(destination)];
  const { fromOciLayout, toOciLayout } = options;
  if (repositoryName(from) === repositoryName(to) && fromOciLayout === toOciLayout) {
    throw new FairleadError('InvalidInput', `the source and the destination are the same repository, ${from}`, {
      hint: 'To add tags to an artifact, use fairlead tag.',
    });
  }
  if (!options.referrers) {
    throw new FairleadError('InvalidInput', '--all-tags and --no-referrers cannot be used together', {
      hint: 'Copy the artifacts one by one, or with their signatures.',
    });
  }
  const [{ copyRepository }, places] = await Promise.all([
    import('#lib/trust/sign/copy-repository'),
    openBoth(options),
  ]);
  const transfer = watchTransfer();
  const { onContent, onProgress, onSkipped } = transfer;
  const watched = { onContent, onProgress, onSkipped };
  const tags = await transfer.during(copyRepository(places.from(source), places.to(destination), watched));
  writeResult('copy', options.output, {
    json: () => ({
      source: from,
      reference: to,
      tags: tags.map(describeTag),
      content: transfer.counts,
      sentBytes: transfer.sentBytes,
      skipped: transfer.skipped,
    }),
    text: () => {
      const done = tags.filter((each) => each.status !== 'failed');
      const copied = done.filter(({ status }) => status === 'copied');
      const present = done.length - copied.length;
      return [
        ...copied.map(({ tag, digest }) => `copied     ${formatReference({ ...destination, tag, digest })}`),
        ...(present === 0 ? [] : [`present    ${present === 1 ? '1 tag' : `${present} tags`} of ${to}`]),
        describeTransfer(transfer),
      ].join('\n');
    },
    quiet: () =>
      tags
        .filter(({ status }) => status !== 'failed')
        .map(({ tag, digest }) => formatReference({ ...destination, tag, ...(digest && { digest }) }))
        .join('\n'),
  });
  const failures = tags.filter((tag) => tag.status === 'failed');
  const [first] = failures;
  if (first === undefined) return;
  const shown = failures.slice(0, failuresShown).map(({ tag, error }) => `${tag}: ${error.summary}`);
  const more = failures.length - shown.length;
  throw new FairleadError(first.error.kind, `${failures.length} of ${tags.length} tags of ${from} were not copied`, {
    details: more > 0 ? [...shown, `and ${more} more`] : shown,
    hint: `The others were copied. ${first.error.hint ?? 'Run the command again: it copies what is missing.'}`,
  });
}

function describeTag(copied: TagCopy) {
  if (copied.status !== 'failed') return copied;
  const { error, ...rest } = copied;
  return { ...rest, error: { kind: error.kind, message: error.message, hint: error.hint } };
}

/** Opens what the options specify as the source and as the destination. */
async function openBoth(options: CopyCommandOptions): Promise<{
  readonly from: (reference: Reference) => Repository;
  readonly to: (reference: Reference) => Repository;
}> {
  const { fromOciLayout, toOciLayout, plainHttp = false, trustRealm = [] } = options;
  const place = (ociLayout: string | undefined) =>
    openRegistries(ociLayout === undefined ? { plainHttp, trustRealm } : { ociLayout }, process.env);
  const [from, to] = await Promise.all([place(fromOciLayout), place(toOciLayout)]);
  return { from, to };
}
