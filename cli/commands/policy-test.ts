import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { DecisionExplanation } from '#lib/trust/verify/explain-decision';
import { explainingContent } from '../explain/explain-content.ts';
import { explanationDocument, explanationText } from '../explain/explain-decision.ts';
import { loadPresentPolicy } from '../files/policy-file.ts';
import { type Connect, openRegistries } from '../options/connect.ts';
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
  const [{ explainDecision }, connect] = await Promise.all([
    import('#lib/trust/verify/explain-decision'),
    openRegistries(options, process.env),
  ]);
  const policy = await loadPresentPolicy(file);
  const explained = await explainDecision({ reference, kind: options.kind }, { policy, connect });
  const explanation = { ...explained, ...(await refusalOf(explained, { reference, policy, connect }, options)) };
  const named = { policy, reference: formatReference(reference), explanation };
  writeResult('policy test', options.output, {
    json: () => explanationDocument(named),
    text: () => explanationText(named),
    quiet: () => '',
  });
  if (explanation.refusal !== undefined) throw explanation.refusal;
}

/**
 * Returns why a profile whose signatures meet the rule is refused nevertheless, such as one of
 * another kind: a node that pulls it decides.
 */
async function refusalOf(
  { refusal, found }: DecisionExplanation,
  { reference, policy, connect }: { readonly reference: Reference; readonly policy: Policy; readonly connect: Connect },
  { kind }: TestOptions,
): Promise<{ readonly refusal?: FairleadError }> {
  if (refusal !== undefined || (reference.tag === undefined && reference.digest === undefined)) return {};
  const { pullProfile } = await import('#lib/node/pull/pull-profile');
  const pinned = found === undefined ? reference : { ...reference, digest: found.descriptor.digest };
  try {
    await explainingContent(pullProfile({ reference: pinned, kind }, { policy, connect }), reference, connect);
    return {};
  } catch (error) {
    if (error instanceof FairleadError) return { refusal: error };
    throw error;
  }
}
