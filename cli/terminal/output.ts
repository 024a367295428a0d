import { styleText } from 'node:util';
import { FairleadError } from '#lib/errors';
import type { Document, DocumentName } from '../documents/documents.ts';
import { schemaVersion } from '../documents/schema-version.ts';
import { forLayout, withFlags } from './hints.ts';
import { reporting } from './verbosity.ts';

/** Form of a result: text for people, or one JSON document. */
export type OutputForm = 'text' | 'json';

/**
 * Prints the result of a command on stdout, or nothing if its text is empty. Only the requested
 * form is built.
 */
export function writeResult<Name extends DocumentName>(
  name: Name,
  form: OutputForm,
  result: {
    readonly json: () => Document<Name>;
    readonly text: () => string;
    /** The text with --quiet, if it is another. */
    readonly quiet?: () => string;
  },
): void {
  if (form === 'json') {
    writeJson(versioned(name, result.json()));
    return;
  }
  const { text: full, quiet = full } = result;
  const text = withoutCommands(printable(reporting.isQuiet ? quiet() : full()));
  if (text !== '') process.stdout.write(`${text}\n`);
}

/** Returns the JSON document of a command, with the version of its shape. */
export function versioned<Name extends DocumentName>(_name: Name, document: Document<Name>): object {
  return { schemaVersion, ...document };
}

/** Prints a JSON document on stdout; a text is printed as it is. */
export function writeJson(document: object | string): void {
  const json = typeof document === 'string' ? document : JSON.stringify(document, undefined, 2);
  process.stdout.write(`${withoutCommandsInJson(json)}\n`);
}

/**
 * Prints an error on stderr: `error: …`, its details and causes, and `hint: …`; or the same as one
 * JSON object. A message may quote untrusted text: no part of that becomes a line of its own, which
 * a CI system could take for a command.
 *
 * @param ociLayout the directory that the command uses instead of a registry: hints name it too.
 */
export function writeError(error: FairleadError, form: OutputForm, ociLayout?: string): void {
  if (form === 'json') {
    const { kind, message, pointer } = error;
    const described = {
      kind,
      message,
      causes: causes(error).map(messageOf),
      hint: shownHint(error, ociLayout),
      pointer,
    };
    process.stderr.write(`${withoutCommandsInJson(JSON.stringify(versioned('error', { error: described })))}\n`);
  } else writeLines('error', error, ociLayout);
}

/**
 * Prints what is wrong with one of several objects on stderr, as people read it: `failed: …`, and
 * the rest as writeError does.
 */
export function writeFailure(error: FairleadError, ociLayout?: string): void {
  writeLines('failed', error, ociLayout);
}

function writeLines(word: 'error' | 'failed', error: FairleadError, ociLayout: string | undefined): void {
  const { summary, details = [] } = error;
  const hint = shownHint(error, ociLayout);
  const lines = [`${styled('red', `${word}:`)} ${oneLine(summary)}`];
  for (const detail of details) lines.push(`  ${oneLine(detail)}`);
  for (const cause of causes(error)) {
    lines.push(`  cause: ${oneLine(cause instanceof FairleadError ? cause.summary : messageOf(cause))}`);
    if (cause instanceof FairleadError) lines.push(...(cause.details ?? []).map((detail) => `    ${oneLine(detail)}`));
  }
  if (hint !== undefined) lines.push(`${styled('cyan', 'hint:')} ${oneLine(hint)}`);
  process.stderr.write(`${withoutCommands(lines.join('\n'))}\n`);
}

/** Returns the hint of an error with the flags of the command line. */
function shownHint({ hint }: FairleadError, ociLayout: string | undefined): string | undefined {
  if (hint === undefined) return undefined;
  return ociLayout === undefined ? withFlags(hint) : forLayout(withFlags(hint), ociLayout);
}

/**
 * Returns a text that may contain untrusted parts, with control and format characters except
 * newlines as escapes, so that it cannot control the terminal.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Returns such a text with newlines as escapes too, so that it stays on one line. */
export function oneLine(text: string): string {
  return printable(text).replaceAll('\n', '\\u{a}');
}

/**
 * Returns a text in which no CI system finds a command: `::error::` of GitHub at the start of a
 * line, and `##[error]` of GitHub, `##vso[…]` of Azure and `##teamcity[…]` anywhere. Their first
 * character becomes an escape.
 */
export function withoutCommands(text: string): string {
  // Blanks of one line only: across lines, many blank lines would take quadratic time.
  return text.replace(/^([^\S\r\n\u2028\u2029]*):(?=:)/gm, '$1\\u{3a}').replace(/#(?=#[a-z]*\[)/gi, '\\u{23}');
}

/**
 * Returns JSON in which no CI system finds a command, and no terminal: JSON leaves some control and
 * format characters as they are. The document stays the same: no line starts with a colon, and all
 * of these occur in strings only.
 */
export function withoutCommandsInJson(json: string): string {
  return json.replace(/#(?=#[a-z]*\[)/gi, '\\u0023').replace(/[\x7f-\x9f\p{Cf}]/gu, escapedInJson);
}

function escapedInJson(character: string): string {
  // One escape for each half of a surrogate pair.
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

const colors = { note: 'cyan', warning: 'yellow', failed: 'red' } as const;

/** Prints a line on stderr beside the result, such as `note: …`; a note only without --quiet. */
export function writeNote(word: keyof typeof colors, text: string): void {
  if (word === 'note' && reporting.isQuiet) return;
  process.stderr.write(`${styled(colors[word], `${word}:`)} ${withoutCommands(oneLine(text))}\n`);
}

/** Prints the next step on stderr, after what it is about. */
export function writeHint(hint: string): void {
  process.stderr.write(`${styled('cyan', 'hint:')} ${withoutCommands(oneLine(withFlags(hint)))}\n`);
}

/** Prints a line on stderr about what is done: a step, a request or a program that is run. */
export function writeReport(word: 'step' | 'http' | 'exec', text: string): void {
  process.stderr.write(`${styled('gray', `${word}:`)} ${withoutCommands(oneLine(text))}\n`);
}

/**
 * Returns whether the command line requests JSON. It does not need commander, so it works for usage
 * errors too.
 */
export function asksForJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, at) =>
      /^(?:--output=|-[a-z]*o)json$/.test(word) || (/^(?:--output|-[a-z]*o)$/.test(word) && argv[at + 1] === 'json'),
  );
}

function styled(colour: 'red' | 'yellow' | 'cyan' | 'gray', text: string): string {
  return styleText(colour, text, { stream: process.stderr });
}

/** The most causes that are printed; a chain may run in a circle. */
const maxCauses = 8;

/** Returns the chain of causes, without those whose message another message contains. */
function causes(error: Error): unknown[] {
  const found: unknown[] = [];
  let said = error.message;
  let { cause } = error;
  for (let depth = 0; depth < maxCauses && cause !== undefined; depth++) {
    const message = messageOf(cause);
    if (message !== '' && !said.includes(message)) found.push(cause);
    said += `\n${message}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return found;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
