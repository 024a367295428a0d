import type { Command } from 'commander';
import { profileContent } from '#lib/artifact/profile-content';
import { FairleadError } from '#lib/errors';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import { dependsOnContainer } from '#lib/profile/seccomp/read/docker';
import { formatReference } from '#lib/registry/reference';
import { parseRequested } from '#lib/registry/requested-reference';
import { describePulled, withProfile } from '#services/pull/verified/pulled-document';
import { explainingContent } from '../explain/explain-content.ts';
import { explainPulled } from '../explain/explain-pulled.ts';
import { refuseStdout, replaceFile } from '../files/files.ts';
import { openRegistries } from '../options/connect.ts';
import { describeContainer } from '../options/docker-form.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  kindOption,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { addContainerOptions, type ContainerOptions, hostOf } from '../options/profile-options.ts';
import { addTrustOptions, openPullPolicy, type TrustOptions } from '../options/pull-policy.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { settleRequested } from '../options/requested.ts';
import { exitCodes, profileErrors } from '../process/exit-codes.ts';
import { versioned, writeJson, writeNote, writeResult } from '../terminal/output.ts';

interface PullOptions extends OutputOptions, RegistryOptions, ContainerOptions, TrustOptions {
  readonly file?: string;
  readonly kind: RuntimeKind;
}

/** `fairlead pull REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Fetch a profile that the trust policy allows, or that a key or identity has signed. If no rule of the policy allows it, ' +
        'nothing is requested from the registry. The profile ' +
        'is written to stdout, or to --file completely or not at all (a device or a pipe is written to). A profile in the form of Docker, published for CRI-O, is ' +
        'resolved for the container that --architecture, --kernel and --capabilities describe.',
    )
    .argument('<reference>', 'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE')
    .option('--file <path>', 'write the profile to this file')
    .addOption(kindOption());
  addTrustOptions(command);
  addContainerOptions(command);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'write a profile to a file',
          'fairlead pull ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml --file nginx.json',
        ],
        [
          'fetch a profile that is signed with a key',
          'fairlead pull ghcr.io/acme/profiles/nginx:1.27 --key fairlead.pub --file nginx.json',
        ],
        [
          'pass a profile to another program',
          'fairlead pull ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml | jq .defaultAction',
        ],
        [
          'get the profile and why it is allowed, as one JSON document',
          'fairlead pull ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml --output json',
        ],
      ]),
    )
    .addHelpText('after', exitCodes('fetched', profileErrors))
    .action(pull);
}

async function pull(referenceText: string, options: PullOptions, command: Command): Promise<void> {
  const requested = parseRequested(withoutScheme(referenceText));
  if (options.file !== undefined)
    await refuseStdout(options.file, 'Leave out --file to write to stdout. A file named - is ./-');
  const [policy, { pullProfile }, { authorize }, connect] = await Promise.all([
    openPullPolicy(options, process.env),
    import('#lib/node/pull/pull-profile'),
    import('#lib/trust/policy/authorize'),
    openRegistries(options, process.env),
  ]);
  const reference = await settleRequested(requested, connect, () => authorize(policy, requested, options.kind));
  const pulling = pullProfile({ reference, kind: options.kind }, { policy, connect });
  const pulled = await explainingContent(pulling, reference, connect);
  const isDescribed = command.getOptionValueSource('capabilities') === 'cli';
  const content = await contentFor(pulled, options, isDescribed);
  const { file } = options;
  if (file !== undefined) {
    await replaceFile(file, content);
    writeResult('pull', options.output, {
      json: () => ({ ...describePulled(pulled), file }),
      text: () => `${explainPulled(pulled, { ruled: options.policy !== undefined })}\nwritten    ${file}`,
      quiet: () => formatReference({ ...pulled.reference, digest: pulled.descriptor.digest }),
    });
  } else if (options.output === 'json') writeJson(withProfile(versioned('pull', describePulled(pulled)), content));
  else process.stdout.write(content);
}

/**
 * Returns the profile as runtimes read it: the bytes as published, unless they are in the form of
 * Docker and Podman. Throws InvalidInput for such a profile if it depends on the container.
 *
 * @param isDescribed whether the command line describes the container.
 */
async function contentFor(pulled: PulledProfile, options: PullOptions, isDescribed: boolean): Promise<Uint8Array> {
  const { profile } = pulled;
  if (!('unresolved' in profile)) return profileContent(pulled.artifact);
  if (dependsOnContainer(profile.unresolved)) {
    if (!isDescribed) {
      const message = `${pulled.descriptor.digest} is in the form of Docker and Podman: what it permits depends on the container`;
      throw new FairleadError('InvalidInput', message, {
        hint: 'Describe the container: --capabilities default, or a list; --architecture and --kernel of its node.',
      });
    }
    writeNote('note', `resolved for one container: ${describeContainer(options)}`);
  }
  const [{ resolveProfile }, { renderProfile }] = await Promise.all([
    import('#lib/profile/resolve-profile'),
    import('#lib/profile/render-profile'),
  ]);
  return renderProfile(resolveProfile(profile, hostOf(options)));
}
