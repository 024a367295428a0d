import type { CommandDefinition, OptionDefinition, ValueDefinition } from './describe-command.ts';
import { withSubcommands } from './with-subcommands.ts';

/** Returns a script with which fish completes the command line. */
export function fishCompletion(program: CommandDefinition): string {
  const { name } = program;
  return `# Completion of ${name} for fish. Generated: print it again after an upgrade.

# Whether the line has these words, without options, after the name of the program.
function __${name}_at
    set -l words (commandline -opc)
    set -l words (string match -v -- '-*' $words[2..])
    test (count $words) -ge (count $argv); or return
    test (count $argv) -eq 0; or test "$words[1..$(count $argv)]" = "$argv"
end

# The same, and the next word is a subcommand.
function __${name}_after
    set -l words (commandline -opc)
    set -l words (string match -v -- '-*' $words[2..])
    test (count $words) -eq (count $argv); and __${name}_at $argv
end

complete -c ${name} -f
${withSubcommands(program)
  .flatMap((command) => lines(command, name))
  .join('\n')}
`;
}

/** Returns the lines for one command. */
function lines({ name, subcommands, options, arguments: positions }: CommandDefinition, program: string): string[] {
  const words = name.slice(program.length);
  const prefix = (condition: string, except: readonly string[] = []): string => {
    const conditions = [`__${program}_${condition}${words}`, ...except.map((each) => `not __${program}_at${each}`)];
    return `complete -c ${program} -n '${conditions.join('; and ')}'`;
  };
  const deeper = subcommands.map((each) => each.name.slice(program.length));
  return [
    ...subcommands.map((each) => `${prefix('after')} -a ${each.name.split(' ').at(-1)} -d ${quote(each.summary)}`),
    // The options of a command are not those of its subcommands.
    ...options.map((option) => `${prefix('at', deeper)} ${optionArguments(option)}`),
    ...new Set(positions.flatMap((each) => valueArguments(each).map((value) => `${prefix('at')} ${value}`))),
  ];
}

function optionArguments({ flags, description, value }: OptionDefinition): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const values = value === undefined ? [] : ['-r', ...valueArguments(value)];
  return [...names, ...values, `-d ${quote(description)}`].join(' ');
}

function valueArguments({ choices, completable }: ValueDefinition): string[] {
  if (choices.length > 0) return [`-f -a ${quote(choices.join(' '))}`];
  return (
    { file: ['-F'], directory: ["-f -a '(__fish_complete_directories)'"], undefined: [] }[String(completable)] ?? []
  );
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
