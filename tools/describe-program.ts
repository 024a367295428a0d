import { type CommandDefinition, describeCommand } from '#cli/definitions/describe-command';
import { buildProgram } from '#cli/main';

/** Returns the program with all of its commands and their options. */
export async function describeProgram(): Promise<CommandDefinition> {
  return describeCommand(await buildProgram(['completion']));
}
