import type { CommandDefinition } from './describe-command.ts';

/** Returns a command and all commands below it, in the order of the help. */
export function withSubcommands(command: CommandDefinition): CommandDefinition[] {
  return [command, ...command.subcommands.flatMap(withSubcommands)];
}
