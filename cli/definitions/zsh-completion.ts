import type { CommandDefinition, OptionDefinition, ValueDefinition } from './describe-command.ts';
import { withSubcommands } from './with-subcommands.ts';

/**
 * Returns a script with which zsh completes the command line, to be read by `source` or found as
 * `_fairlead` in $fpath.
 */
export function zshCompletion(program: CommandDefinition): string {
  const { name } = program;
  return `#compdef ${name}
# Completion of ${name} for zsh. Generated: print it again after an upgrade.

${withSubcommands(program)
  .map((command) => (command.subcommands.length > 0 ? group(command) : leaf(command)))
  .join('\n')}
if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

const functionOf = (name: string): string => `_${name.replaceAll(/[ -]/g, '_')}`;

/** Returns the function for a command with subcommands. */
function group({ name, subcommands, options }: CommandDefinition): string {
  const word = (each: CommandDefinition): string => each.name.split(' ').at(-1) ?? '';
  return `${functionOf(name)}() {
  local line state
  local -a commands=(
${subcommands.map((each) => `    ${quote(`${word(each)}:${each.summary}`)}`).join('\n')}
  )
  _arguments -C ${options.flatMap(optionSpecs).join(' ')} '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $line[1] in
${subcommands.map((each) => `        ${word(each)}) ${functionOf(each.name)} ;;`).join('\n')}
      esac
      ;;
  esac
}
`;
}

/** Returns the function for a command with arguments. */
function leaf({ name, options, arguments: positions }: CommandDefinition): string {
  const specs = [
    ...options.flatMap(optionSpecs),
    ...positions.map((each, index) => {
      const optional = each.term.startsWith('[') ? ':' : '';
      const place = each.variadic ? '*' : `${index + 1}${optional}`;
      return quote(`${place}:${backslashed(each.term.replaceAll(/[<>[\].]/g, ''), ':')}:${actionOf(each)}`);
    }),
  ];
  return `${functionOf(name)}() {\n  _arguments -S \\\n${specs.map((spec) => `    ${spec}`).join(' \\\n')}\n}\n`;
}

/** Returns the specification of each flag of an option. */
function optionSpecs({ flags, description, value, term }: OptionDefinition): string[] {
  return flags.map((flag) => {
    const text = `[${backslashed(description, '[]')}]`;
    if (value === undefined) return quote(`${flag}${text}`);
    const placeholder = /[<[](.*)[>\]]$/.exec(term)?.[1] ?? 'value';
    // Some options may be repeated.
    return quote(
      `*${flag}${flag.startsWith('--') ? '=' : ''}${text}:${backslashed(placeholder, ':')}:${actionOf(value)}`,
    );
  });
}

/**
 * Returns what completes a value. Nothing is an empty list: for a space, zsh would show the name of
 * the value, and then not insert an option that could stand there as well.
 */
function actionOf({ choices, completable }: ValueDefinition): string {
  if (choices.length > 0) return `(${choices.join(' ')})`;
  return { file: '_files', directory: '_files -/', undefined: '()' }[String(completable)] ?? '()';
}

function backslashed(text: string, special: string): string {
  return Array.from(text, (character) => (`\\${special}`.includes(character) ? `\\${character}` : character)).join('');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
