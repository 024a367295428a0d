import type { Command, Help } from 'commander';

const intro = `# Command line

\`fairlead --help\` lists the commands, and \`fairlead COMMAND --help\` shows the options of one. With \`--output json\`, results
and errors are JSON. The exit code identifies [the kind of an error](errors.md).
`;

/**
 * Returns the reference page of the command line.
 *
 * @param commands the commands of the program, with their options.
 */
export function cliReference(commands: readonly Command[]): string {
  const rows = commands.map((command) => [`[${command.name()}](#fairlead-${command.name()})`, command.summary()]);
  return [intro, table(['command', 'purpose'], rows), ...commands.flatMap((each) => section(each, 'fairlead', 2))].join(
    '\n',
  );
}

function section(command: Command, parent: string, level: number): string[] {
  const help = command.createHelp();
  const name = `${parent} ${command.name()}`;
  const subcommands = command.commands.filter((each) => each.name() !== 'help');
  const usage = subcommands.length > 0 ? [] : [`\`\`\`text\n${name} ${command.usage()}\n\`\`\`\n`];
  return [
    `${'#'.repeat(level)} ${name}\n`,
    `${command.description()}\n`,
    ...usage,
    ...argumentsTable(command, help),
    ...optionsTable(command, help),
    ...notes(command),
    ...subcommands.flatMap((each) => section(each, name, level + 1)),
  ];
}

function argumentsTable(command: Command, help: Help): string[] {
  const rows = help.visibleArguments(command).map((each) => {
    const name = each.variadic ? `${each.name()}...` : each.name();
    return [`\`${each.required ? `<${name}>` : `[${name}]`}\``, help.argumentDescription(each)];
  });
  return rows.length === 0 ? [] : [table(['argument', 'description'], rows)];
}

function optionsTable(command: Command, help: Help): string[] {
  const rows = help
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .map((option) => [`\`${help.optionTerm(option)}\``, help.optionDescription(option)]);
  return rows.length === 0 ? [] : [table(['option', 'description'], rows)];
}

/** Returns what the help adds after the options: examples as a block, the rest as it is. */
function notes(command: Command): string[] {
  return addedHelp(command)
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block !== '')
    .map((block) => {
      const [first = '', ...lines] = block.split('\n');
      if (lines.length === 0 || !first.endsWith(':')) return `${block.replaceAll(/\s*\n\s*/g, ' ')}\n`;
      const language = first === 'Examples:' ? 'sh' : 'text';
      const text = lines.map((line) => line.replace(/^ {2}/, '')).join('\n');
      return `${first}\n\n\`\`\`${language}\n${text}\n\`\`\`\n`;
    });
}

/** Returns the texts of addHelpText, which the command prints after its own help. */
function addedHelp(command: Command): string {
  let printed = '';
  const writeOut = (text: string): void => {
    printed += text;
  };
  command.configureOutput({ writeOut }).outputHelp();
  return printed.slice(command.helpInformation().length).replaceAll(/(?=\n(?:Forms|Examples):\n)/g, '\n');
}

/** Returns a table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells
      .map((cell) =>
        cell
          .replaceAll('|', '\\|')
          .replaceAll('<', '&lt;')
          .replaceAll(/`[^`]*`/g, unescaped),
      )
      .join(' | ')} |`;
  return `${[line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')}\n`;
}

/** Inside a code span, `<` is written as it is. */
function unescaped(span: string): string {
  return span.replaceAll('&lt;', '<');
}
