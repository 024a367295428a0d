import { type Command, InvalidArgumentError, Option } from 'commander';
import { refuseSecret } from '../files/files.ts';

/** Options of the command line that take the place of one from the environment. */
const substitutes = new WeakMap<Option, readonly string[]>();

/**
 * Makes an option whose default is in an environment variable. An empty variable is refused: it is
 * a mistake in a script, and without a policy less would be checked.
 *
 * @param others names of options of which each, on the command line, takes the place of the
 * variable.
 */
export function environmentOption(
  flags: string,
  description: string,
  { variable, others }: { readonly variable: string; readonly others: readonly string[] },
): Option {
  const option = new Option(flags, description)
    .env(variable)
    .argParser((value: string, before?: string) => fileName(onlyOnce(value, before)));
  substitutes.set(option, others);
  return option;
}

/**
 * Parses an option that decides who is trusted or signs, and can be given once: the last of several
 * values would decide in silence.
 */
export function onlyOnce(value: string, before: string | undefined): string {
  if (before === undefined) return value;
  throw new InvalidArgumentError(`It can be given once, and was given as ${JSON.stringify(before)} before.`);
}

function fileName(value: string): string {
  refuseSecret(value);
  if (value !== '') return value;
  throw new InvalidArgumentError('Want the name of a file.');
}

/**
 * Removes the values from the environment whose place options of the command line take. To be
 * called before the command runs.
 */
export function preferCommandLine(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (command.getOptionValueSource(name) !== 'env') continue;
    const isReplaced = substitutes.get(option)?.some((other) => command.getOptionValueSource(other) === 'cli');
    if (isReplaced) command.setOptionValueWithSource(name, undefined, undefined);
  }
}

/** The option `--policy` of commands that read profiles or publish them. */
export function policyOption(description: string, others: readonly string[] = []): Option {
  return environmentOption('--policy <file>', description, { variable: 'FAIRLEAD_POLICY', others });
}
