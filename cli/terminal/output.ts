import { styleText } from 'node:util';
import type { FairleadError } from '#lib/errors';
import { withFlags } from './hints.ts';

/** How a command says its result: for people, or as one JSON document on stdout. */
export type OutputForm = 'text' | 'json';

/**
 * Prints a command's result on stdout, and nothing where its text is empty. Only the wanted form is
 * built.
 */
export function writeResult(form: OutputForm, result: { json: () => unknown; text: () => string }): void {
  const text =
    form === 'json'
      ? withoutCommandsInJson(JSON.stringify(result.json(), undefined, 2))
      : withoutCommands(printable(result.text()));
  if (text !== '') process.stdout.write(`${text}\n`);
}

/**
 * Prints an error on stderr: `error: …`, its details and causes under it, and `hint: …`; or the
 * same as one JSON object. Messages quote what strangers wrote: that makes no line of its own,
 * which a CI system may take for a command.
 */
export function writeError(error: FairleadError, form: OutputForm): void {
  const causes = causeMessages(error).map(withFlags);
  const hint = error.hint === undefined ? undefined : withFlags(error.hint);
  if (form === 'json') {
    const { kind, message, pointer } = error;
    const json = JSON.stringify({ error: { kind, message: withFlags(message), causes, hint, pointer } });
    process.stderr.write(`${withoutCommandsInJson(json)}\n`);
    return;
  }
  const { summary, details = [] } = error;
  const lines = [`${styled('red', 'error:')} ${oneLine(withFlags(summary))}`];
  for (const detail of details) lines.push(`  ${oneLine(withFlags(detail))}`);
  for (const cause of causes) lines.push(`  cause: ${oneLine(cause)}`);
  if (hint !== undefined) lines.push(`${styled('cyan', 'hint:')} ${oneLine(hint)}`);
  process.stderr.write(`${withoutCommands(lines.join('\n'))}\n`);
}

/**
 * A text with parts from outside, so that they cannot play with the terminal: control and format
 * characters other than newlines are written as escapes.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/**
 * The same for what is to stay on one line: names from profiles could else write lines of their
 * own.
 */
export function oneLine(text: string): string {
  return printable(text).replaceAll('\n', '\\u{a}');
}

/**
 * Text with parts from outside, so that no CI system takes a line of it for a command: GitHub's
 * `::error::` at the start of a line, and `##[error]` of GitHub, `##vso[…]` of Azure and
 * `##teamcity[…]` anywhere. Their first character is written as an escape.
 */
export function withoutCommands(text: string): string {
  // The blanks of one line: over the ends of lines, each of many blank lines would be read to the
  // end of the last.
  return text.replace(/^([^\S\r\n\u2028\u2029]*):(?=:)/gm, '$1\\u{3a}').replace(/#(?=#[a-z]*\[)/gi, '\\u{23}');
}

/**
 * The same for JSON, in which no line starts with a colon, and in whose strings alone a # can
 * stand: it stays the same document.
 */
function withoutCommandsInJson(json: string): string {
  return json.replace(/#(?=#[a-z]*\[)/gi, '\\u0023');
}

/** Prints a line on stderr beside a result: `note: …`. */
export function writeNote(word: 'note' | 'failed', text: string): void {
  const line = withoutCommands(oneLine(withFlags(text)));
  process.stderr.write(`${styled(word === 'note' ? 'cyan' : 'red', `${word}:`)} ${line}\n`);
}

/**
 * Whether the command line asks for JSON: known before commander has read it, so that usage errors
 * obey as well.
 */
export function asksForJson(argv: readonly string[]): boolean {
  return argv.some((word, at) => word === '--output=json' || (word === '--output' && argv[at + 1] === 'json'));
}

function styled(colour: 'red' | 'cyan', text: string): string {
  return styleText(colour, text, { stream: process.stderr });
}

/** No chain of causes is deeper; one that runs in a circle ends here. */
const maxCauses = 8;

/** The messages of the chain of causes, without those that only repeat what was said. */
function causeMessages(error: Error): string[] {
  const messages: string[] = [];
  let said = error.message;
  let { cause } = error;
  for (let depth = 0; depth < maxCauses && cause !== undefined; depth++) {
    const message = cause instanceof Error ? cause.message : String(cause);
    if (message !== '' && !said.includes(message)) messages.push(message);
    said += `\n${message}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return messages;
}
