import type { Change, Decision, MigratedFile, Notice } from '#operator/migrate/migration';

/** Returns the findings of all files, each kind in the order of the files and lines. */
export function findingsOf(files: readonly MigratedFile[]): Findings {
  return {
    changes: files.flatMap(({ changes }) => changes),
    decisions: files.flatMap(({ decisions }) => decisions),
    notices: files.flatMap(({ notices }) => notices),
  };
}

interface Findings {
  readonly changes: readonly Change[];
  readonly decisions: readonly Decision[];
  readonly notices: readonly Notice[];
}

/**
 * Returns changes as lines. Fields of an object that were removed for the same reason are one line,
 * without their values: an export has many that API servers set.
 */
export function changeLines(changes: readonly Change[]): readonly string[] {
  const groups = Map.groupBy(changes, (change) =>
    change.to === undefined ? `${change.file}\n${change.object}\n${change.reason}` : change,
  );
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    if (others.length === 0) return [changeLine(first)];
    const pointers = [first, ...others].map(({ from }) => from?.pointer).join(', ');
    return [`${first.file}:${first.line}: ${first.object}: removed ${pointers} (${first.reason})`];
  });
}

/** Returns a change on one line. */
function changeLine({ file, line, object, from, to, reason }: Change): string {
  const [old, now] = [from && `${from.pointer}: ${short(from.value)}`, to && `${to.pointer}: ${short(to.value)}`];
  const isSamePlace = from !== undefined && from.pointer === to?.pointer;
  const what =
    old === undefined
      ? `added ${now}`
      : now === undefined
        ? `removed ${old}`
        : `${old} -> ${isSamePlace ? short(to?.value ?? '') : now}`;
  return `${file}:${line}: ${object}: ${what} (${reason})`;
}

/** Returns a decision on one line, without its choices. */
export function decisionLine({ file, line, object, message, code, pointer }: Decision): string {
  return `${file}:${line}: ${object}: ${message} (${code}, ${pointer || '/'})`;
}

/** Returns a notice on one line. */
export function noticeLine({ file, line, object, message, code, pointer }: Notice): string {
  return `${file}:${line}: ${object}: ${message} (${code}, ${pointer || '/'})`;
}

/**
 * Returns all findings as text.
 *
 * @param verb `changed` if the files were rewritten: one in which something must be decided was not
 */
export function describeMigration(files: readonly MigratedFile[], verb: 'changed' | 'to change'): string {
  const { decisions, notices } = findingsOf(files);
  const undecided = files.filter((each) => each.decisions.length > 0);
  const changed = files.filter((each) => each.changes.length > 0 && !(verb === 'changed' && undecided.includes(each)));
  const changes = changed.flatMap((each) => each.changes);
  const inFiles = undecided.length === 0 ? '' : ` in ${count(undecided.length, 'file')}`;
  return [
    ...changeLines(changes).map((line) => `change: ${line}`),
    ...notices.map((each) => `notice: ${noticeLine(each)}`),
    ...decisions.flatMap((each) => [
      `decision: ${decisionLine(each)}`,
      ...each.choices.map((choice) => `  - ${choice}`),
    ]),
    `${count(changed.length, 'file')} ${verb} (${count(changes.length, 'change')}), ${count(decisions.length, 'decision')}${inFiles}, ${count(notices.length, 'notice')}`,
  ].join('\n');
}

/** Returns a number with a word for what is counted. */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

const longest = 80;

function short(value: string): string {
  return value.length <= longest ? value : `${value.slice(0, longest)}…`;
}
