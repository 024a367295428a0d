import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { formatReference, isTag, tagOrDigestOf } from '#lib/registry/reference';
import { parseRequested } from '#lib/registry/requested-reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import { quote } from '#lib/text/quote';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
  tagHint,
} from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { settleRequested } from '../options/requested.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead tag REFERENCE TAG…`. */
export function define(command: Command): void {
  command
    .description(
      'Add tags to an artifact that is in a registry. A tag of another artifact is moved. The signatures of the artifact are ' +
        'valid for every tag.',
    )
    .argument('<reference>', 'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE')
    .argument('<tag...>', 'tags to add');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['promote a release', 'fairlead tag ghcr.io/acme/profiles/nginx:1.27.3 1.27 stable'],
        ['tag the newest release of a series', "fairlead tag 'ghcr.io/acme/profiles/nginx@^1.27' stable"],
        ['tag a digest', 'fairlead tag ghcr.io/acme/profiles/nginx@sha256:… stable'],
      ]),
    )
    .addHelpText('after', exitCodes('tagged', registryErrors))
    .action(tag);
}

async function tag(
  referenceText: string,
  tags: readonly string[],
  options: OutputOptions & RegistryOptions,
): Promise<void> {
  const requested = parseRequested(withoutScheme(referenceText));
  const wrong = tags.find((each) => !isTag(each));
  if (wrong !== undefined) {
    throw new FairleadError('InvalidInput', `invalid tag ${quote(wrong)}`, {
      hint: tagHint,
    });
  }
  for (const each of tags) refuseReservedTag(each);
  const connect = await openRegistries(options, process.env);
  const reference = await settleRequested(requested, connect);
  const target = connect(reference);
  const artifact = await target.resolve(tagOrDigestOf(reference));
  for (const each of tags) await target.tag(artifact, each);
  const { registry, repository } = reference;
  const tagged = tags.map((each) => formatReference({ registry, repository, tag: each, digest: artifact.digest }));
  writeResult('tag', options.output, {
    json: () => ({ digest: artifact.digest, tagged }),
    text: () => tagged.map((each) => `tagged     ${each}`).join('\n'),
    quiet: () => tagged.join('\n'),
  });
}
