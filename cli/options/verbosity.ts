import { type Command, Option } from 'commander';

/** Values of the options that addVerbosityOptions adds. */
export interface VerbosityOptions {
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly debug?: boolean;
}

/**
 * Adds the options of commands that send requests.
 *
 * @param quiet what the command prints with --quiet.
 */
export function addVerbosityOptions(
  command: Command,
  quiet = 'only the shortest result, such as a reference or digest',
): Command {
  return command
    .addOption(new Option('-q, --quiet', `print ${quiet}, and no notes`).conflicts(['verbose', 'debug']))
    .option('-v, --verbose', 'report each step on stderr')
    .option('--debug', 'report each step, HTTP request and program that is run on stderr, without secrets');
}
