import type { Command, Option } from 'commander';
import { closest } from '#lib/text/closest';
import { commandSynonyms, optionSynonyms } from './synonyms.ts';

/** Returns the words of a command: `fairlead policy check`. */
export function wordsOf(command: Command): string {
  return command.parent === null ? command.name() : `${wordsOf(command.parent)} ${command.name()}`;
}

/** Returns what was probably meant by the name of a command that does not exist. */
export function suggestCommand(written: string, parent: Command): string | undefined {
  const names = parent.commands.map((command) => command.name());
  const same = parent.parent === null ? commandSynonyms[written.toLowerCase()] : undefined;
  if (same !== undefined && Object.hasOwn(commandSynonyms, written.toLowerCase())) {
    return `The command for this is ${wordsOf(parent)} ${same}.`;
  }
  const meant = nearest(written, names);
  return meant === undefined ? undefined : `Did you mean ${wordsOf(parent)} ${meant}?`;
}

/**
 * Returns what was probably meant by an option that a command does not have.
 *
 * @param program the program with the options of all commands.
 */
export function suggestOption(written: string, command: Command, program: Command): string | undefined {
  const [flag = ''] = written.split('=');
  const own = command.options.filter(({ hidden }) => !hidden).flatMap(flagsOf);
  if (own.includes(flag)) return `Write ${flag} after ${wordsOf(command)}.`;
  const opposite = flag.startsWith('--no-') ? `--${flag.slice(5)}` : `--no-${flag.slice(2)}`;
  if (own.includes(opposite)) return `That is the default; the opposite is ${opposite}.`;
  const same = (Object.hasOwn(optionSynonyms, flag) ? (optionSynonyms[flag] ?? []) : []).filter((each) =>
    own.includes(each.split(' ')[0] ?? ''),
  );
  if (same.length > 0) return `Use ${same.join(' or ')}.`;
  const others = commandsOf(program).filter((other) => other.options.flatMap(flagsOf).includes(flag));
  const long = own.filter((each) => each.startsWith('--'));
  const near = flag.startsWith('--') ? nearOptions(flag, long) : [];
  if (near.length > 0 && (others.length === 0 || closest(flag.slice(2), [near[0]?.slice(2) ?? '']) !== undefined)) {
    return `Did you mean ${near.join(' or ')}?`;
  }
  if (others.length === 0) return undefined;
  if (command.parent === null) {
    return `${flag} is an option of commands: write it after the command, as in ${wordsOf(others[0] ?? program)} ${flag}.`;
  }
  const more = near.length === 0 ? '' : ` ${wordsOf(command)} has ${near.join(' and ')}.`;
  return `${flag} is an option of ${listed(others.map(wordsOf))}.${more}`;
}

/** Returns which of an option's values was probably meant. */
export function suggestChoice(written: string, choices: readonly string[]): string | undefined {
  const meant = nearest(written, choices);
  return meant === undefined ? undefined : `Did you mean ${meant}?`;
}

/** Returns the closest option, or those that end or begin with the same words. */
function nearOptions(flag: string, options: readonly string[]): readonly string[] {
  const word = flag.slice(2);
  const meant = closest(
    word,
    options.map((option) => option.slice(2)),
  );
  if (meant !== undefined) return [`--${meant}`];
  const related = options.filter((option) => option.endsWith(`-${word}`) || option.startsWith(`${flag}-`));
  return related.length <= 2 ? related : [];
}

function flagsOf({ short, long }: Option): readonly string[] {
  return [short, long].filter((flag) => flag !== undefined);
}

function commandsOf(command: Command): readonly Command[] {
  return command.commands.flatMap((each) => [each, ...commandsOf(each)]);
}

/** Returns the only name that begins as what was written, or else the closest one. */
function nearest(written: string, names: readonly string[]): string | undefined {
  const longer = names.filter((name) => written !== '' && name.startsWith(written));
  return longer.length === 1 ? longer[0] : closest(written, names);
}

/** Joins at most three names. */
function listed(names: readonly string[]): string {
  const shown = names.length > 3 ? [...names.slice(0, 2), 'other commands'] : names;
  return [shown.slice(0, -1).join(', '), shown.at(-1)].filter((part) => part !== '').join(' and ');
}
