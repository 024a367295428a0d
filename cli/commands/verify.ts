import type { Command } from 'commander';
import type { RuntimeKind } from '#lib/profile/profile';
import { parseReference } from '#lib/registry/reference';
import { describePulled } from '#services/pull/pulled-document';
import { openRegistries } from '../connect.ts';
import { explainPulled } from '../explain-pulled.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  parseKind,
  type RegistryOptions,
} from '../options.ts';
import { writeResult } from '../output.ts';

interface VerifyOptions extends OutputOptions, RegistryOptions {
  readonly policy: string;
  readonly kind: RuntimeKind;
}

/** `fairlead verify REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Check a profile as a node would before it uses it: allowlist, signatures, format, size.\n' +
        'Says which rule allowed it, which signature held, and by which key; or why it is refused.',
    )
    .argument('<reference>', 'registry/repository:tag or …@sha256:…')
    .requiredOption('--policy <file>', 'trust policy: who may publish what')
    .option('--kind <kind>', 'what is wanted: seccomp or apparmor', parseKind, 'Seccomp');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'would the node take it?',
          'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --policy /etc/fairlead/policy.yaml',
        ],
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
  const [{ loadPolicy }, { pullProfile }, connect] = await Promise.all([
    import('#lib/trust/load-policy'),
    import('#lib/node/pull-profile'),
    openRegistries(options, process.env),
  ]);
  const policy = await loadPolicy(options.policy);
  const pulled = await pullProfile({ reference, kind: options.kind }, { policy, connect });
  writeResult(options.output, { json: () => describePulled(pulled), text: () => explainPulled(pulled) });
}
