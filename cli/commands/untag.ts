import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { formatReference, formatRepository, parseReference } from '#lib/registry/reference';
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

/** `fairlead untag REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Remove a tag from an artifact. The artifact, its other tags and its signatures stay. Not every registry can do this: ' +
        'docker-registry before version 3 refuses it.',
    )
    .argument('<reference>', 'registry/repository:tag');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText('after', examples([['remove a tag', 'fairlead untag ghcr.io/acme/profiles/nginx:1.27-rc1']]))
    .addHelpText(
      'after',
      exitCodes('removed', {
        ...registryErrors,
        InvalidInput: 'invalid request, or the registry cannot remove single tags',
        NotFound: 'no such tag',
      }),
    )
    .action(untag);
}

async function untag(argument: string, options: OutputOptions & RegistryOptions): Promise<void> {
  const text = withoutScheme(argument);
  const { tag, digest, ...name } = parseReference(text);
  if (tag === undefined || digest !== undefined) {
    throw new FairleadError('InvalidInput', `cannot remove a tag from ${text}: want registry/repository:tag`, {
      hint: `To delete the artifact of a digest: \`fairlead delete ${formatRepository(name)}@sha256:…\``,
    });
  }
  const [{ removeTag }, connect] = await Promise.all([
    import('#lib/registry/remove-tag'),
    openRegistries(options, process.env),
  ]);
  const { descriptor, restored } = await removeTag(connect(name), tag);
  const pinned = formatReference({ ...name, digest: descriptor.digest });
  writeResult('untag', options.output, {
    json: () => ({ reference: pinned, digest: descriptor.digest, tag, restored }),
    text: () =>
      [
        `untagged   ${formatReference({ ...name, tag })}`,
        `still at   ${pinned}`,
        ...(restored.length === 0 ? [] : [`restored   ${restored.join(', ')}: the registry had removed the artifact`]),
      ].join('\n'),
    quiet: () => pinned,
  });
}
