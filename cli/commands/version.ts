import type { Command } from 'commander';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { describeBuild, renderBuild } from '../process/describe-build.ts';
import { buildInformation } from '../process/version.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead version`. */
export function define(command: Command): void {
  addOutputOption(
    command.description(
      'Show the version of this program, what it was built from, what it runs on, and how to verify that it is what was ' +
        'published. `fairlead --version` prints the version alone.',
    ),
  )
    .addHelpText(
      'after',
      examples([
        ['report a problem', 'fairlead version'],
        ['get the commit in a script', 'fairlead version --output json | jq -r .commit'],
      ]),
    )
    .action(({ output }: OutputOptions) => {
      const description = describeBuild(buildInformation(), process);
      writeResult('version', output, { json: () => description, text: () => renderBuild(description) });
    });
}
