import type { Command } from 'commander';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatReference, parseReference } from '#lib/registry/reference';
import { explainingContent } from '../explain/explain-content.ts';
import { explanationDocument, explanationText } from '../explain/explain-decision.ts';
import { loadPresentPolicy } from '../files/policy-file.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  kindOption,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

interface TestOptions extends OutputOptions, RegistryOptions {
  readonly kind: RuntimeKind;
}

/** `fairlead policy test FILE REFERENCE`. */
export function define(command: Command): void {
  command
    .summary('explain how a policy decides on a reference')
    .description(
      'Explain how a policy decides on a reference: which rules were tried, which rule matches, and which signatures ' +
        'meet its requirements, or why they do not. The profile is pulled as a node pulls it, so that the answer is that of ' +
        'fairlead verify. Without a tag or digest, only the rules are evaluated, and no registry is contacted.',
    )
    .argument('<file>', 'trust policy')
    .argument(
      '<reference>',
      'registry/repository; with :tag or @sha256:…, the profile and its signatures are checked too',
    )
    .addOption(kindOption());
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['find the rule that matches', 'fairlead policy test policy.yaml ghcr.io/acme/profiles/nginx'],
        ['check the signatures too', 'fairlead policy test policy.yaml ghcr.io/acme/profiles/nginx:1.27'],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('allowed', {
        ...registryErrors,
        InvalidInput: 'invalid policy or another invalid request',
        ProfileInvalid: 'not a valid profile of this kind',
        NotAllowed: 'no rule allows it',
        SignatureInvalid: 'signature missing or invalid',
      }),
    )
    .action(test);
}

async function test(file: string, referenceText: string, options: TestOptions): Promise<void> {
  const reference = parseReference(withoutScheme(referenceText));
  const [{ explainDecision }, { explainPull }, connect] = await Promise.all([
    import('#lib/trust/verify/explain-decision'),
    import('#lib/node/pull/explain-pull'),
    openRegistries(options, process.env),
  ]);
  const policy = await loadPresentPolicy(file);
  const { kind } = options;
  const explained = await explainDecision({ reference, kind }, { policy, connect });
  const explanation = await explainPull(explained, { reference, kind }, async (request) => {
    const { pullProfile } = await import('#lib/node/pull/pull-profile');
    await explainingContent(pullProfile(request, { policy, connect }), reference, connect);
  });
  const named = { policy, reference: formatReference(reference), explanation };
  writeResult('policy test', options.output, {
    json: () => explanationDocument(named),
    text: () => explanationText(named),
    quiet: () => '',
  });
  if (explanation.refusal !== undefined) throw explanation.refusal;
}
