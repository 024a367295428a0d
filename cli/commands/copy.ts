import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { formatReference, parseReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import { openRegistries } from '../options/connect.ts';
import { addOutputOption, examples, type OutputOptions, trustRealmOption } from '../options/options.ts';
import { writeResult } from '../terminal/output.ts';
import { describeTransfer, watchTransfer } from '../terminal/transfer.ts';

interface CopyCommandOptions extends OutputOptions {
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
      'Copy an artifact to another repository or registry, with its signatures, attestations and whatever else refers to it. ' +
        'What is there already is not sent again; the tag is set last. Nothing is verified on the way: fairlead verify checks the copy. ' +
        'Both registries are spoken to as fairlead login, docker login and their like have logged in.',
    )
    .argument('<source>', 'registry/repository:tag or …@sha256:…')
    .argument('<destination>', "registry/repository[:tag]; without a tag, the source's")
    .option('--no-referrers', 'leave signatures and attestations behind')
    .option('--from-oci-layout <folder>', 'read from this OCI layout folder in place of the network')
    .option('--to-oci-layout <folder>', 'write to this OCI layout folder in place of the network')
    .option('--plain-http', 'speak HTTP to the registries (loopback addresses always get it)')
    .addOption(trustRealmOption());
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'from staging to production',
          'fairlead copy registry.example.com/staging/nginx:1.27 registry.example.com/production/nginx',
        ],
        [
          'under another tag, of a fixed content',
          'fairlead copy ghcr.io/acme/profiles/nginx@sha256:… mirror.example.com/profiles/nginx:stable',
        ],
        [
          'into a folder',
          'fairlead copy ghcr.io/acme/profiles/nginx:1.27 localhost/profiles/nginx --to-oci-layout ./profiles',
        ],
      ]),
    )
    .action(copy);
}

async function copy(sourceText: string, destinationText: string, options: CopyCommandOptions): Promise<void> {
  const source = parseReference(sourceText);
  const destination = parseReference(destinationText);
  if (destination.digest !== undefined) {
    throw new FairleadError('InvalidInput', `${destinationText}: a digest is no place to copy to`, {
      hint: 'Name a repository, with or without a tag: the digest stays what it is.',
    });
  }
  const tag = destination.tag ?? source.tag;
  refuseReservedTag(tag);
  const { fromOciLayout, toOciLayout, plainHttp = false, trustRealm = [] } = options;
  const place = (ociLayout: string | undefined) =>
    openRegistries(ociLayout === undefined ? { plainHttp, trustRealm } : { ociLayout }, process.env);
  const [{ copyGraph }, { copySigned }, from, to] = await Promise.all([
    import('#lib/registry/copy'),
    import('#lib/trust/sign/copy-signed'),
    place(fromOciLayout),
    place(toOciLayout),
  ]);
  const [read, write] = [from(source), to(destination)];
  const artifact = await read.resolve(tagOrDigestOf(source));
  const transfer = watchTransfer();
  const { onContent, onSkipped } = transfer;
  if (options.referrers)
    await copySigned(read, write, artifact, { onContent, onSkipped, tags: tag === undefined ? [] : [tag] });
  else {
    await copyGraph(read, write, artifact, { onContent, withReferrers: false });
    if (tag !== undefined) await write.tag(artifact, tag);
  }
  const copied: Reference = { ...destination, ...(tag === undefined ? {} : { tag }), digest: artifact.digest };
  writeResult(options.output, {
    json: () => ({
      source: formatReference({ ...source, digest: artifact.digest }),
      reference: formatReference(copied),
      digest: artifact.digest,
      content: transfer.counts,
      sentBytes: transfer.sentBytes,
      skipped: transfer.skipped,
    }),
    text: () => `copied     ${formatReference(copied)}\n${describeTransfer(transfer)}`,
  });
}
