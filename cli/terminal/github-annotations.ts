import type { Level, Report, ReportEntry, ReportedFile } from '#lib/profile/report/report';
import { oneLine, printable, withoutCommands } from './output.ts';

/** The commands with which a workflow of GitHub annotates a line of a file. */
const commands: Readonly<Record<Level, string>> = { error: 'error', warning: 'warning', note: 'notice' };

/** At most this many subjects of one annotation are named. */
const shownSubjects = 20;

/**
 * Returns a report as workflow commands of GitHub, one for each line: the runner shows them as
 * annotations on the lines of the files. Changes that are alike and next to each other are one
 * annotation, since GitHub shows only ten of each level for a step. Nothing from a profile becomes
 * a command or a property of one.
 */
export function githubAnnotations({ files }: Pick<Report, 'files'>): string {
  return files
    .flatMap(annotateFile)
    .map((line) => `${line}\n`)
    .join('');
}

function annotateFile(file: ReportedFile): readonly string[] {
  const unread: readonly ReportEntry[] =
    file.unread === undefined ? [] : [{ rule: 'unreadable', level: 'error', message: file.unread }];
  return grouped([...unread, ...file.entries]).map((entries) => annotate(file, entries));
}

function annotate({ name, path }: ReportedFile, [first, ...others]: Group): string {
  const { rule, level, message, place } = first;
  const subjects = [first, ...others].flatMap(({ subject }) => subject ?? []);
  const shown = subjects.slice(0, shownSubjects).join(', ');
  const more = subjects.length > shownSubjects ? ` and ${subjects.length - shownSubjects} more` : '';
  const text = subjects.length === 0 ? message : `${shown}${more}: ${message}`;
  const endColumn = place !== undefined && 'endColumn' in place ? place.endColumn : undefined;
  const where = { file: path, line: place?.line ?? 1, col: place?.column, endColumn };
  const properties = Object.entries({ ...(path !== undefined && where), title: rule });
  const written = properties.flatMap(([key, value]) =>
    value === undefined ? [] : `${key}=${escapeProperty(String(value))}`,
  );
  // Without a path, the message is all that names the file.
  return `::${commands[level]} ${written.join(',')}::${escapeData(path === undefined ? `${name}: ${text}` : text)}`;
}

type Group = readonly [ReportEntry, ...ReportEntry[]];

/** Returns entries that differ in their subject only and are in one list together. */
function grouped(entries: readonly ReportEntry[]): readonly Group[] {
  const groups = new Map<string, [ReportEntry, ...ReportEntry[]]>();
  for (const [index, entry] of entries.entries()) {
    const { rule, level, subject, message, place } = entry;
    const list = place !== undefined && 'pointer' in place ? place.pointer.replace(/\/[^/]*$/, '') : '';
    const key = subject === undefined ? String(index) : JSON.stringify([rule, level, message, list]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return [...groups.values()];
}

/** Returns untrusted text as the data of a command; the runner reads the escapes back. */
function escapeData(text: string): string {
  return withoutCommands(printable(text)).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Returns untrusted text as a property of a command. */
function escapeProperty(text: string): string {
  return escapeData(oneLine(text)).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
