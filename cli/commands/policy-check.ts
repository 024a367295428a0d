import type { Command } from 'commander';
import { policyDocument, policyText } from '../explain/show-policy.ts';
import { loadPresentPolicy } from '../files/policy-file.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { addVerbosityOptions } from '../options/verbosity.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead policy check FILE`. */
export function define(command: Command): void {
  addVerbosityOptions(addOutputOption(command))
    .summary('validate a policy and show what it requires')
    .description(
      'Validate a policy and every file that it names, as a node does, and show what each rule requires. ' +
        'A rule that earlier rules make unreachable gets a warning.',
    )
    .argument('<file>', 'trust policy')
    .addHelpText('after', examples([['check a policy in CI before the rollout', 'fairlead policy check policy.yaml']]))
    .addHelpText('after', exitCodes('valid', { InvalidInput: 'no such file, or an invalid policy' }))
    .action(check);
}

async function check(file: string, options: OutputOptions): Promise<void> {
  const policy = await loadPresentPolicy(file);
  writeResult('policy check', options.output, {
    json: () => policyDocument(policy),
    text: () => policyText(policy),
    quiet: () => '',
  });
}
