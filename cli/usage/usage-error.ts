import type { Command, CommanderError } from 'commander';
import { FairleadError } from '#lib/errors';
import { suggestChoice, suggestCommand, suggestOption, wordsOf } from './suggest.ts';

/** The command line that commander did not accept. */
export interface RefusedLine {
  readonly argv: readonly string[];
  readonly program: Command;
  /** Returns the program with the options of all commands. */
  readonly loadAll: () => Promise<Command>;
}

/**
 * Returns an error of commander as InvalidInput, with what was probably meant, and undefined if
 * commander only printed the help or the version.
 */
export async function usageError(error: CommanderError, line: RefusedLine): Promise<FairleadError | undefined> {
  if (error.exitCode === 0) return undefined;
  const { message, command, suggestion } = await describe(error, line);
  const help =
    command.parent === null
      ? 'See fairlead --help for the commands, and fairlead COMMAND --help for their options.'
      : `See ${wordsOf(command)} --help.`;
  return new FairleadError('InvalidInput', message, {
    hint: suggestion === undefined ? help : `${suggestion} ${help}`,
  });
}

interface Description {
  readonly message: string;
  /** The command that was to run. */
  readonly command: Command;
  readonly suggestion: string | undefined;
}

async function describe(error: CommanderError, { argv, program, loadAll }: RefusedLine): Promise<Description> {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const [, quoted = ''] = /'([^']*)'/.exec(message) ?? [];
  const command = namedCommand(program, argv);
  const unknownOption = async (flag: string): Promise<Description> => {
    const all = await loadAll();
    const suggestion = suggestOption(flag, namedCommand(all, argv), all);
    return { message: `unknown option '${flag}'`, command, suggestion };
  };
  switch (error.code) {
    case 'commander.help': {
      const [first, ...words] = argv.filter((word) => !word.startsWith('-'));
      if (first !== 'help') {
        const names = command.commands.map((each) => each.name());
        const needed = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
        return { message: `${command.name()} needs a subcommand: ${needed}`, command, suggestion: undefined };
      }
      const [unknown = ''] = words.slice(-1);
      const parent = namedCommand(program, words);
      return { message: `unknown command '${unknown}'`, command: parent, suggestion: suggestCommand(unknown, parent) };
    }
    case 'commander.unknownCommand':
      return { message, command, suggestion: suggestCommand(quoted, command) };
    case 'commander.unknownOption':
      return unknownOption(quoted);
    case 'commander.missingMandatoryOptionValue': {
      // A misspelled option is why the option is missing.
      const unknown = argv.find((word) => /^--?[a-z]/i.test(word) && !isOption(word, command));
      return unknown === undefined ? { message, command, suggestion: undefined } : unknownOption(unknown);
    }
    case 'commander.invalidArgument': {
      const [, written = ''] = /(?:argument|value) '([^']*)'/.exec(message) ?? [];
      const option = command.options.find(({ flags }) => flags === quoted);
      const [, name, rest = ''] = /^command-argument value .* for argument '([^']*)'\. (.*)$/.exec(message) ?? [];
      const argument = command.registeredArguments.find((each) => each.name() === name);
      return {
        message: argument === undefined ? message : `invalid ${name} '${written}'. ${rest}`,
        command,
        suggestion: suggestChoice(written, (option ?? argument)?.argChoices ?? []),
      };
    }
    default:
      return { message, command, suggestion: undefined };
  }
}

/** Reports whether a word is an option of a command, with its value or without. */
function isOption(word: string, { options }: Command): boolean {
  const [flag] = word.split('=');
  return options.some(
    ({ short, long }) => flag === long || (short != null && !word.startsWith('--') && word.startsWith(short)),
  );
}

/** Returns the command that words name, as far as they name one. */
function namedCommand(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word);
    if (next !== undefined) command = next;
    // The words after a command without subcommands are its arguments.
    if (command.commands.length === 0) break;
  }
  return command;
}
