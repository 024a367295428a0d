import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { PullPolicy } from '#lib/node/pull/pull-dependencies';
import type { RuntimeKind } from '#lib/profile/profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { parseReference } from '#lib/registry/reference';
import { describePulled } from '#services/pull/pulled-document';
import { explainingContent } from '../explain/explain-content.ts';
import { explainPulled } from '../explain/explain-pulled.ts';
import { readText } from '../files/files.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  kindOption,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { writeResult } from '../terminal/output.ts';

interface VerifyOptions extends OutputOptions, RegistryOptions {
  readonly policy?: string;
  readonly key?: string;
  readonly kind: RuntimeKind;
}

/** `fairlead verify REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Verify a profile as a node does before it applies it: rule, signatures, format, size. The output shows which rule ' +
        'allows the profile, and which signature and key meet it, or why the profile is refused.',
    )
    .argument('<reference>', 'registry/repository:tag or registry/repository@sha256:…')
    .option('--policy <file>', 'trust policy')
    .option('--key <file>', 'instead of a policy: require only a signature with this public key')
    .addOption(kindOption());
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'check whether a node would accept a profile',
          'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --policy /etc/fairlead/policy.yaml',
        ],
        ['check for a signature with a key', 'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --key fairlead.pub'],
        [
          'get the result in a script',
          'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml --output json | jq .verification',
        ],
      ]) +
        '\n\nExit codes: 0 verified, 3 invalid profile, 4 no rule allows it, 5 signature missing or invalid, 6 credentials\n' +
        '  missing or refused, 7 no such artifact, 8 registry unreachable.',
    )
    .action(verify);
}

async function verify(referenceText: string, options: VerifyOptions): Promise<void> {
  const reference = parseReference(referenceText);
  const [policy, { pullProfile }, connect] = await Promise.all([
    findPolicy(options),
    import('#lib/node/pull/pull-profile'),
    openRegistries(options, process.env),
  ]);
  const pulling = pullProfile({ reference, kind: options.kind }, { policy, connect });
  const pulled = await explainingContent(pulling, reference, connect);
  writeResult('verify', options.output, {
    json: () => describePulled(pulled),
    text: () => explainPulled(pulled, { ruled: options.key === undefined }),
  });
}

async function findPolicy({ policy, key }: VerifyOptions): Promise<PullPolicy> {
  if ((policy === undefined) === (key === undefined)) {
    throw new FairleadError(
      'InvalidInput',
      policy === undefined ? 'verify needs --policy or --key' : '--policy and --key cannot be used together',
      {
        hint: 'Use --policy to decide as a node does, or --key to require a signature with one key.',
      },
    );
  }
  if (key !== undefined) {
    const { keyPolicy } = await import('#lib/trust/policy/key-policy');
    return { ...keyPolicy(key, await readText(key)), limits: defaultPublicationLimits };
  }
  const { loadPolicy } = await import('#lib/trust/policy/load-policy');
  return loadPolicy(policy ?? '');
}
