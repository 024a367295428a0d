import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { formatReference, isTag, parseReference, tagOrDigestOf } from '#lib/registry/reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead tag REFERENCE TAG…`. */
export function define(command: Command): void {
  command
    .description(
      'Give an artifact that is in a registry more tags. A tag that stands for another artifact moves. ' +
        'Its signatures count for it under every tag.',
    )
    .argument('<reference>', 'registry/repository:tag or …@sha256:…')
    .argument('<tag...>', 'the tags');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['promote', 'fairlead tag ghcr.io/acme/profiles/nginx:1.27.3 1.27 stable'],
        ['by content', 'fairlead tag ghcr.io/acme/profiles/nginx@sha256:… stable'],
      ]),
    )
    .action(tag);
}

async function tag(
  referenceText: string,
  tags: readonly string[],
  options: OutputOptions & RegistryOptions,
): Promise<void> {
  const reference = parseReference(referenceText);
  const wrong = tags.find((each) => !isTag(each));
  if (wrong !== undefined) {
    throw new FairleadError('InvalidInput', `${JSON.stringify(wrong)} is no tag`, {
      hint: 'A tag has up to 128 letters, digits, "_", "." and "-", and starts with none of the last two.',
    });
  }
  for (const each of tags) refuseReservedTag(each);
  const connect = await openRegistries(options, process.env);
  const target = connect(reference);
  const artifact = await target.resolve(tagOrDigestOf(reference));
  for (const each of tags) await target.tag(artifact, each);
  const { registry, repository } = reference;
  const tagged = tags.map((each) => formatReference({ registry, repository, tag: each, digest: artifact.digest }));
  writeResult(options.output, {
    json: () => ({ digest: artifact.digest, tagged }),
    text: () => tagged.map((each) => `tagged     ${each}`).join('\n'),
  });
}
