import type { Report, ReportEntry, ReportedFile } from './report.ts';

/**
 * Returns a report as JUnit XML, as Jenkins and GitLab read it: a suite for each file, and a test
 * case for each code or changed subject. Errors and warnings are failures; notes are passed tests
 * with their text. A file without entries has one test that passed.
 */
export function renderJunit({ command, files }: Report): string {
  const suites = files.map((file) => suiteOf(command, file));
  const sum = (count: (suite: Suite) => number): number => suites.reduce((total, suite) => total + count(suite), 0);
  const attributes = attributesOf({
    name: `fairlead ${command}`,
    tests: sum(({ cases }) => cases.length),
    failures: sum(({ failures }) => failures),
    errors: sum(({ errors }) => errors),
  });
  const body = suites.map(renderSuite).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes}>\n${body}</testsuites>\n`;
}

interface Suite {
  readonly name: string;
  readonly failures: number;
  readonly errors: number;
  /** Each as XML. */
  readonly cases: readonly string[];
}

function suiteOf(command: Report['command'], file: ReportedFile): Suite {
  const { name, path, entries, unread } = file;
  const classname = path ?? name;
  const testcase = (test: string, body: string): string =>
    `    <testcase${attributesOf({ name: test, classname, ...(path !== undefined && { file: path }) })}${
      body === '' ? '/>' : `>\n${body}    </testcase>`
    }\n`;
  if (unread !== undefined) {
    const error = `      <error${attributesOf({ message: unread, type: 'unreadable' })}/>\n`;
    return { name: classname, failures: 0, errors: 1, cases: [testcase('file', error)] };
  }
  if (entries.length === 0) return { name: classname, failures: 0, errors: 0, cases: [testcase(command, '')] };
  const cases = entries.map((entry) =>
    testcase(entry.subject === undefined ? entry.rule : `${entry.rule} ${entry.subject}`, outcomeOf(file, entry)),
  );
  return { name: classname, failures: entries.filter(isFailure).length, errors: 0, cases };
}

function isFailure({ level }: ReportEntry): boolean {
  return level !== 'note';
}

function outcomeOf(file: ReportedFile, entry: ReportEntry): string {
  const { rule, level, message, place } = entry;
  const position = place === undefined ? '' : `:${place.line}:${place.column}`;
  const text = escapeText(`${file.path ?? file.name}${position}: ${level}: ${message}`);
  return isFailure(entry)
    ? `      <failure${attributesOf({ message, type: rule })}>${text}</failure>\n`
    : `      <system-out>${text}</system-out>\n`;
}

function renderSuite({ name, failures, errors, cases }: Suite): string {
  const attributes = attributesOf({ name, tests: cases.length, failures, errors });
  return `  <testsuite${attributes}>\n${cases.join('')}  </testsuite>\n`;
}

function attributesOf(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escapeAttribute(String(value))}"`)
    .join('');
}

/**
 * Returns a text for the content of an element. Characters that XML 1.0 cannot hold, not even as a
 * reference, and others that are not visible, are written as escapes.
 */
function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffe\uffff]/gu, escapeOf)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** Returns a text for an attribute: readers would turn its line breaks into blanks. */
function escapeAttribute(text: string): string {
  return escapeText(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}

function escapeOf(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
