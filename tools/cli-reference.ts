import type { CommandDefinition, Note } from '#cli/definitions/describe-command';

const intro = `# Command line

\`fairlead --help\` lists the commands, and \`fairlead COMMAND --help\` shows the options of one. With \`--output json\`, results
and errors are [JSON](output.md). The exit code identifies [the kind of an error](errors.md).
Every reference may begin with \`oci://\`. Commands that send requests have \`-q\` for scripts, \`-v\` and \`--debug\`, which
report on stderr what is done. [Environment variables](environment.md) are defaults of some options.
`;

/**
 * Returns the reference page of the command line.
 *
 * @param commands the commands of the program, with their options.
 */
export function cliReference(commands: readonly CommandDefinition[]): string {
  const rows = commands.map(({ name, summary }) => [
    `[${name.replace('fairlead ', '')}](#${name.replaceAll(' ', '-')})`,
    summary,
  ]);
  return [intro, table(['command', 'purpose'], rows), ...commands.flatMap((each) => section(each, 2))].join('\n');
}

function section({ name, usage, subcommands, ...command }: CommandDefinition, level: number): string[] {
  return [
    `${'#'.repeat(level)} ${name}\n`,
    `${command.description}\n`,
    ...(usage === undefined ? [] : [`\`\`\`text\n${name} ${usage}\n\`\`\`\n`]),
    ...termsTable('argument', command.arguments),
    ...termsTable(
      'option',
      command.options.filter(({ flags }) => !flags.includes('--help')),
    ),
    ...command.notes.map(noteText),
    ...subcommands.flatMap((each) => section(each, level + 1)),
  ];
}

function termsTable(head: string, terms: readonly { readonly term: string; readonly description: string }[]): string[] {
  if (terms.length === 0) return [];
  return [
    table(
      [head, 'description'],
      terms.map(({ term, description }) => [`\`${term}\``, description]),
    ),
  ];
}

/** Returns a paragraph, or a block with its title. */
function noteText({ title, text }: Note): string {
  if (title === undefined) return `${text}\n`;
  return `${title}:\n\n\`\`\`${title === 'Examples' ? 'sh' : 'text'}\n${text}\n\`\`\`\n`;
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
