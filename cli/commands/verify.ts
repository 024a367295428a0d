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
      'Check a profile as a node would before it uses it: allowlist, signatures, format, size. ' +
        'Says which rule allowed it, which signature held, and by which key; or why it is refused.',
    )
    .argument('<reference>', 'registry/repository:tag or …@sha256:…')
    .option('--policy <file>', 'trust policy: who may publish what')
    .option('--key <file>', 'in place of a policy: it must be signed with this public key, and that is all')
    .addOption(kindOption());
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'would the node take it?',
          'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --policy /etc/fairlead/policy.yaml',
        ],
        ['is it signed with this key?', 'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --key fairlead.pub'],
        [
          'in CI',
          'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml --output json | jq .verification',
        ],
      ]) +
        '\n\nExit codes: 0 it would be used, 3 not a valid profile, 4 no rule allows it, 5 signature missing or wrong,\n' +
        '  6 the registry wants other credentials, 7 no such artifact, 8 registry out of reach.',
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
  writeResult(options.output, {
    json: () => describePulled(pulled),
    text: () => explainPulled(pulled, { ruled: options.key === undefined }),
  });
}

async function findPolicy({ policy, key }: VerifyOptions): Promise<PullPolicy> {
  if ((policy === undefined) === (key === undefined)) {
    throw new FairleadError('InvalidInput', 'give either --policy or --key', {
      hint: 'A policy says for each repository who must have signed; --key is the short way to ask for one key.',
    });
  }
  if (key !== undefined) {
    const { keyPolicy } = await import('#lib/trust/policy/key-policy');
    return { ...keyPolicy(key, await readText(key)), limits: defaultPublicationLimits };
  }
  const { loadPolicy } = await import('#lib/trust/policy/load-policy');
  return loadPolicy(policy ?? '');
}
