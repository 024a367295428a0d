import type { Command } from 'commander';
import { profileContent } from '#lib/artifact/profile-content';
import type { RuntimeKind } from '#lib/profile/profile';
import { parseReference } from '#lib/registry/reference';
import { describePulled, renderPulled } from '#services/pull/pulled-document';
import { openRegistries } from '../connect.ts';
import { explainPulled } from '../explain-pulled.ts';
import { refuseDash, replaceFile } from '../files.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  parseKind,
  type RegistryOptions,
} from '../options.ts';
import { writeResult } from '../output.ts';

interface PullOptions extends OutputOptions, RegistryOptions {
  readonly policy: string;
  readonly file?: string;
  readonly kind: RuntimeKind;
}

/** `fairlead pull REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Fetch a profile that the trust policy allows. Without a rule that allows it, nothing is even requested. ' +
        'The profile goes to stdout, or to --file, which is written whole or not at all.',
    )
    .argument('<reference>', 'registry/repository:tag or …@sha256:…')
    .requiredOption('--policy <file>', 'trust policy: who may publish what')
    .option('--file <path>', 'write the profile here')
    .option('--kind <kind>', 'what is wanted: seccomp or apparmor', parseKind, 'Seccomp');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['to a file', 'fairlead pull ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml --file nginx.json'],
        [
          'to another program',
          'fairlead pull ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml | jq .defaultAction',
        ],
        [
          'the profile and why it may be used, as one JSON document',
          'fairlead pull ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml --output json',
        ],
      ]),
    )
    .action(pull);
}

async function pull(referenceText: string, options: PullOptions): Promise<void> {
  const reference = parseReference(referenceText);
  refuseDash(options.file ?? '', 'Leave out --file: then the profile goes to stdout. A file of that name is ./-');
  const [{ loadPolicy }, { pullProfile }, connect] = await Promise.all([
    import('#lib/trust/load-policy'),
    import('#lib/node/pull-profile'),
    openRegistries(options, process.env),
  ]);
  const policy = await loadPolicy(options.policy);
  const pulled = await pullProfile({ reference, kind: options.kind }, { policy, connect });
  const { file } = options;
  if (file !== undefined) {
    await replaceFile(file, profileContent(pulled.artifact));
    writeResult(options.output, {
      json: () => ({ ...describePulled(pulled), file }),
      text: () => `${explainPulled(pulled)}\nwritten    ${file}`,
    });
  } else if (options.output === 'json') process.stdout.write(`${renderPulled(pulled)}\n`);
  else process.stdout.write(profileContent(pulled.artifact));
}
