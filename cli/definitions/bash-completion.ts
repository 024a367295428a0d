import type { CommandDefinition, ValueDefinition } from './describe-command.ts';
import { withSubcommands } from './with-subcommands.ts';

/**
 * Returns a script with which bash completes the command line. It needs bash 4 and no other
 * package.
 */
export function bashCompletion(program: CommandDefinition): string {
  const commands = withSubcommands(program);
  return `# Completion of ${program.name} for bash. Generated: print it again after an upgrade.

# Sets what may follow the words in $command.
_${program.name}_describe() {
  subcommands='' options='' valued=''
  case $command in
${commands.flatMap(describeCase).join('\n')}
  esac
}

# Completes the value of the option $2 of the command $1, or the argument of that number.
_${program.name}_value() {
  case "$1 $2" in
${valueCases(commands).join('\n')}
  esac
}

# By readline itself, which knows how to quote names.
_${program.name}_files() { compopt -o default; }
_${program.name}_directories() { compopt -o dirnames; }
_${program.name}_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }

_${program.name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} command=${program.name} option='' word
  local subcommands options valued
  local -i index position=0
  COMPREPLY=()
  _${program.name}_describe
  # bash separates words at = and at : as well.
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $word == '=' ]]; then
      continue
    elif [[ $word == ':' ]]; then
      index+=1
      ((index < COMP_CWORD)) || return
    elif [[ -n $option ]]; then
      option=''
    elif [[ $word == -* ]]; then
      if [[ " $valued " == *" $word "* ]]; then option=$word; fi
    elif [[ " $subcommands " == *" $word "* ]]; then
      command+=" $word"
      _${program.name}_describe
    else
      position+=1
    fi
  done
  if [[ $current == ':' ]]; then return; fi
  if [[ $current == '=' ]]; then current=''; fi
  if [[ -n $option ]]; then
    _${program.name}_value "$command" "$option"
  elif [[ $current == -* ]]; then
    _${program.name}_words "$options"
  elif [[ -n $subcommands ]]; then
    _${program.name}_words "$subcommands"
  else
    _${program.name}_value "$command" "$position"
  fi
}

complete -F _${program.name} ${program.name}
`;
}

/** Returns the branch that sets the variables of one command. */
function describeCase({ name, subcommands, options }: CommandDefinition): string[] {
  const words = subcommands.map((each) => each.name.split(' ').at(-1));
  const valued = options.filter(({ value }) => value !== undefined);
  return [
    `    '${name}')`,
    ...(words.length > 0 ? [`      subcommands='${words.join(' ')}'`] : []),
    `      options='${options.flatMap(({ flags }) => flags).join(' ')}'`,
    ...(valued.length > 0 ? [`      valued='${valued.flatMap(({ flags }) => flags).join(' ')}'`] : []),
    '      ;;',
  ];
}

/** Returns one branch for all places that are completed in the same way. */
function valueCases(commands: readonly CommandDefinition[]): string[] {
  const places = new Map<string, string[]>();
  const add = (place: string, value: ValueDefinition): void => {
    const action = actionOf(value);
    if (action !== undefined) places.set(action, [...(places.get(action) ?? []), place]);
  };
  for (const command of commands) {
    for (const { flags, value } of command.options) {
      if (value !== undefined) for (const flag of flags) add(`'${command.name} ${flag}'`, value);
    }
    for (const [index, argument] of command.arguments.entries()) {
      add(argument.variadic ? `'${command.name} '[0-9]*` : `'${command.name} ${index}'`, argument);
    }
  }
  return Array.from(places, ([action, at]) => `    ${at.join(' | \\\n      ')})\n      _fairlead_${action}\n      ;;`);
}

function actionOf({ choices, completable }: ValueDefinition): string | undefined {
  if (choices.length > 0) return `words '${choices.join(' ')}'`;
  return { file: 'files', directory: 'directories', undefined: undefined }[String(completable)];
}
