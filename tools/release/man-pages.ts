import type { CommandDefinition, Note } from '#cli/definitions/describe-command';
import { withSubcommands } from '#cli/definitions/with-subcommands';
import { errorMapping } from '#lib/errors';
import { bold, roffProse, roffQuoted, roffTerm, roffText } from './roff.ts';

/** What the pages state about the program that they belong to. */
export interface PageContext {
  readonly version: string;
  /** The date of the pages, in seconds since 1970. */
  readonly epoch: number;
}

/** Files that commands with an option read or write. */
const files: readonly (readonly [option: string, file: string, description: string])[] = [
  ['--username', '~/.docker/config.json', 'Credentials for registries; `DOCKER_CONFIG` names another directory.'],
  ['--username', '/etc/containerd/certs.d/', 'Mirrors, authorities and client certificates of registries.'],
  ['--username', '/etc/docker/certs.d/', 'The same, in the layout of Docker.'],
  ['--policy', '~/.cache/fairlead/tuf/', 'Trusted roots from the TUF repositories that policies name.'],
  ['--decision-log', '/etc/fairlead/policy.yaml', 'Trust policy of the packaged services.'],
  ['--decision-log', '/etc/default/fairlead-*', 'Settings of the packaged services.'],
];

/** Returns a man page for each command by its file name, such as `fairlead-push.1`. */
export function manPages(program: CommandDefinition, context: PageContext): Readonly<Record<string, string>> {
  const commands = withSubcommands(program);
  return Object.fromEntries(
    commands.map((command) => [`${pageName(command)}.1`, page(command, relatives(command, commands), context)]),
  );
}

const pageName = ({ name }: CommandDefinition): string => name.replaceAll(' ', '-');

/** Returns the commands above and below a command. */
function relatives({ name }: CommandDefinition, commands: readonly CommandDefinition[]): CommandDefinition[] {
  const isBelow = (inner: string, outer: string): boolean => inner.startsWith(`${outer} `);
  return commands.filter((each) => isBelow(name, each.name) || isBelow(each.name, name));
}

function page(
  command: CommandDefinition,
  related: readonly CommandDefinition[],
  { version, epoch }: PageContext,
): string {
  const { name, summary, description, usage, subcommands, options } = command;
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  const head = [roffText(pageName(command).toUpperCase()), '1', date, roffText(`fairlead ${version}`), 'Fairlead'];
  // The help of the program itself adds how to get to the other pages.
  const notes = name.includes(' ') ? command.notes : [];
  const paragraphs = [description, ...notes.filter(({ title }) => title === undefined).map(({ text }) => text)];
  return [
    `.TH ${head.map(roffQuoted).join(' ')}`,
    ...section('NAME', [`${roffText(pageName(command))} \\- ${roffProse(summary || 'signed security profiles')}`]),
    ...section('SYNOPSIS', [`${bold(name)} ${roffTerm(usage ?? '<command> [options]')}`]),
    ...section(
      'DESCRIPTION',
      paragraphs.flatMap((text, index) => [...(index > 0 ? ['.PP'] : []), roffProse(text)]),
    ),
    ...section(
      'COMMANDS',
      subcommands.flatMap((each) => item(bold(each.name), each.summary)),
    ),
    ...section(
      'ARGUMENTS',
      command.arguments.flatMap((each) => item(roffTerm(each.term), each.description)),
    ),
    ...section(
      'OPTIONS',
      options.flatMap((each) => item(roffTerm(each.term), each.description)),
    ),
    ...notes.filter(({ title }) => title !== undefined).flatMap(block),
    ...section('EXIT STATUS', exitStatus(command)),
    ...section(
      'FILES',
      files
        .filter(([option]) => options.some(({ flags }) => flags.includes(option)))
        .flatMap(([, file, text]) => item(`\\fI${roffText(file)}\\fR`, text)),
    ),
    ...section('SEE ALSO', [related.map((each) => `${bold(pageName(each))}(1)`).join(',\n')]),
    '',
  ].join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

function item(term: string, description: string): string[] {
  return ['.TP', term, roffProse(description)];
}

/** Returns a block of the help as a section. Lines that begin with # explain the next ones. */
function block({ title = '', text }: Note): string[] {
  const lines = text.split('\n').flatMap((line, index, all) => {
    if (!line.startsWith('# ')) return [roffText(line)];
    const before = index === 0 ? [] : ['.EE', '.RE'];
    const comment = `${line.slice(2, 3).toUpperCase()}${line.slice(3)}:`;
    return [...before, '.PP', roffProse(comment), ...(index + 1 < all.length ? ['.PP', '.RS 4', '.EX'] : [])];
  });
  const isExplained = text.startsWith('# ');
  return section(title.toUpperCase(), isExplained ? [...lines.slice(1), '.EE', '.RE'] : ['.EX', ...lines, '.EE']);
}

function exitStatus({ options }: CommandDefinition): string[] {
  const gate = options.some(({ flags }) => flags.includes('--fail-on'));
  return [
    ...item('0', 'Success.'),
    ...(gate ? item('1', '`--fail-on` found something.') : []),
    ...Object.values(errorMapping).flatMap(({ exit, meaning }) => item(String(exit), `${meaning}.`)),
  ];
}
