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
      'Copy an artifact to another repository or registry, with its signatures, attestations and other referrers. Content that ' +
        'the destination has is not sent again, and the tag is set last. The signatures are not verified: use fairlead verify ' +
        'on the copy. The credentials of both registries are those of fairlead login or docker login.',
    )
    .argument('<source>', 'registry/repository:tag or registry/repository@sha256:…')
    .argument('<destination>', 'registry/repository[:tag] (default: the tag of the source)')
    .option('--no-referrers', 'do not copy signatures and other referrers')
    .option('--from-oci-layout <directory>', 'read from this OCI layout directory instead of a registry')
    .option('--to-oci-layout <directory>', 'write to this OCI layout directory instead of a registry')
    .option('--plain-http', 'use HTTP instead of HTTPS for the registries (always used for loopback addresses)')
    .addOption(trustRealmOption());
  addOutputOption(command)
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
          'copy to a directory',
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
    throw new FairleadError('InvalidInput', `cannot copy to a digest: ${destinationText}`, {
      hint: 'Name a repository, with or without a tag. The copy has the digest of the source.',
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
  });
}
