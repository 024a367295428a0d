import type { Argument, Command, Help, Option } from 'commander';
import { type Completable, completableOf, completables } from './completable.ts';

/** What users write in a place of the command line. */
export interface ValueDefinition {
  readonly choices: readonly string[];
  readonly completable: Completable | undefined;
}

/** An argument of a command. */
export interface ArgumentDefinition extends ValueDefinition {
  /** Its name in a synopsis: `<file>`, `[tag...]`. */
  readonly term: string;
  readonly description: string;
  readonly variadic: boolean;
}

/** An option of a command. */
export interface OptionDefinition {
  /** Its flags and value in a synopsis: `-o, --output <form>`. */
  readonly term: string;
  /** Its flags, without its value. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for an option without a value. */
  readonly value: ValueDefinition | undefined;
  readonly mandatory: boolean;
}

/** A command with what its help shows. */
export interface CommandDefinition {
  /** Its words: `fairlead policy check`. */
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** What follows its name; undefined for a command that only has subcommands. */
  readonly usage: string | undefined;
  readonly arguments: readonly ArgumentDefinition[];
  readonly options: readonly OptionDefinition[];
  readonly subcommands: readonly CommandDefinition[];
  /** What its help adds after the options. */
  readonly notes: readonly Note[];
}

/** A paragraph of the help, or a block of lines with a title. */
export interface Note {
  /** `Examples`, for example; undefined for a paragraph. */
  readonly title: string | undefined;
  readonly text: string;
}

/**
 * Returns what a command is, from its definition for commander. Subcommands whose modules are not
 * loaded have only a name and a summary.
 *
 * @param parent the words before its name
 */
export function describeCommand(command: Command, parent: readonly string[] = []): CommandDefinition {
  const help = command.createHelp();
  const words = [...parent, command.name()];
  const subcommands = command.commands.filter((each) => each.name() !== 'help');
  return {
    name: words.join(' '),
    summary: command.summary(),
    description: command.description(),
    usage: subcommands.length > 0 ? undefined : command.usage(),
    arguments: help.visibleArguments(command).map((each) => describeArgument(each, help)),
    options: help.visibleOptions(command).map((each) => describeOption(each, help)),
    subcommands: subcommands.map((each) => describeCommand(each, words)),
    notes: notesOf(command),
  };
}

function describeArgument(argument: Argument, help: Help): ArgumentDefinition {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return {
    term: argument.required ? `<${name}>` : `[${name}]`,
    description: help.argumentDescription(argument),
    variadic: argument.variadic,
    choices: argument.argChoices ?? [],
    completable: completableOf(argument),
  };
}

function describeOption(option: Option, help: Help): OptionDefinition {
  const [, placeholder] = /[<[]([^.>\]]+)/.exec(option.flags) ?? [];
  return {
    term: help.optionTerm(option),
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: help.optionDescription(option),
    value:
      placeholder === undefined
        ? undefined
        : { choices: option.argChoices ?? [], completable: completables[placeholder] },
    mandatory: option.mandatory,
  };
}

/** Returns what the help of a command adds after the options. */
function notesOf(command: Command): Note[] {
  return addedHelp(command)
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block !== '')
    .map((block) => {
      const [first = '', ...lines] = block.split('\n');
      if (lines.length === 0 || !first.endsWith(':'))
        return { title: undefined, text: block.replaceAll(/\s*\n\s*/g, ' ') };
      return { title: first.slice(0, -1), text: lines.map((line) => line.replace(/^ {2}/, '')).join('\n') };
    });
}

/** Returns the texts of addHelpText, which the command prints after its own help. */
function addedHelp(command: Command): string {
  const configured = command.configureOutput();
  let printed = '';
  const writeOut = (text: string): void => {
    printed += text;
  };
  command.configureOutput({ ...configured, writeOut }).outputHelp();
  command.configureOutput(configured);
  return printed.slice(command.helpInformation().length).replaceAll(/(?=\n(?:Forms|Examples):\n)/g, '\n');
}
