import type { Change, Direction, ProfileDiff } from './change.ts';
import type { ProfileKind } from './profile.ts';

const order: readonly { readonly direction: Direction; readonly title: string }[] = [
  { direction: 'loosened', title: 'Loosened' },
  { direction: 'tightened', title: 'Tightened' },
  { direction: 'changed', title: 'Changed' },
];

/** At most this many subjects with the same meaning as before are named. */
const shownRewritten = 8;
const lineWidth = 100;

/** Reports whether anything is permitted that was not: what a gate in CI checks. */
export function isLoosened(diff: ProfileDiff): boolean {
  return diff.changes.some(({ direction }) => direction === 'loosened');
}

/**
 * Returns a difference as lines for a terminal: what was loosened first, what changed alike
 * together.
 */
export function renderDiffText(diff: ProfileDiff): string {
  const lines: string[] = [];
  for (const { direction, title } of order) {
    const groups = alike(diff, direction);
    if (groups.length === 0) continue;
    lines.push(`${title}:`);
    for (const { change, subjects } of groups) {
      lines.push(escaped(`  ${change.from} -> ${change.to}${suffix(change)}`), ...wrapped(subjects.map(escaped)));
    }
  }
  if (lines.length === 0) lines.push('No difference in meaning.');
  if (diff.rewritten.length > 0)
    lines.push(`Written differently, same meaning: ${someOf(diff.rewritten.map(escaped)).join(', ')}`);
  return `${lines.join('\n')}\n`;
}

/** Returns a difference as Markdown, e.g. for a comment on a pull request: a table of each kind. */
export function renderDiffMarkdown(diff: ProfileDiff): string {
  const parts: string[] = [];
  for (const { direction, title } of order) {
    const groups = alike(diff, direction);
    if (groups.length === 0) continue;
    const rows = groups.map(({ change, subjects }) => {
      const where = change.where === undefined ? '' : inCode(change.where);
      return `| ${subjects.map(inCode).join(', ')} | ${inCode(change.from)} | ${inCode(change.to)} | ${where} |`;
    });
    parts.push(`### ${title}\n\n| what | from | to | where |\n|---|---|---|---|\n${rows.join('\n')}`);
  }
  if (parts.length === 0) parts.push('No difference in meaning.');
  if (diff.rewritten.length > 0) {
    const [named, more] = [diff.rewritten.slice(0, shownRewritten), someOf(diff.rewritten).slice(shownRewritten)];
    parts.push(`Written differently, same meaning: ${[...named.map(inCode), ...more].join(', ')}`);
  }
  return `${parts.join('\n\n')}\n`;
}

/** A profile that is new or deleted. */
export interface OneSided {
  readonly change: 'new' | 'deleted';
  readonly kind: ProfileKind;
  /** Of its file. */
  readonly name: string;
}

/** Returns a new or deleted profile as a line for a terminal. */
export function renderOneSidedText(one: OneSided): string {
  return `${describeOneSided(one, escaped(one.name))}\n`;
}

/** Returns the same as Markdown. */
export function renderOneSidedMarkdown(one: OneSided): string {
  return `### ${one.change === 'new' ? 'New' : 'Deleted'}\n\n${describeOneSided(one, inCode(one.name))}\n`;
}

/** Returns a new or deleted profile in one line, with its name as it is shown. */
export function describeOneSided({ change, kind }: OneSided, name: string): string {
  return change === 'new'
    ? `New profile of kind ${kind}: ${name}. Nothing ran under it before, so it loosens nothing. Review what it permits.`
    : `Deleted profile of kind ${kind}: ${name}. Artifacts that were published of it stay, for the pods that name them.`;
}

/**
 * Returns changes of one direction, those that go from one outcome to one other together, in the
 * order of the first of each.
 */
function alike(
  { changes }: ProfileDiff,
  direction: Direction,
): readonly { readonly change: Change; readonly subjects: readonly string[] }[] {
  const groups = new Map<string, { readonly change: Change; readonly subjects: string[] }>();
  for (const change of changes.filter((each) => each.direction === direction)) {
    const key = JSON.stringify([change.from, change.to, change.where]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { change, subjects: [change.subject] });
    else group.subjects.push(change.subject);
  }
  return [...groups.values()];
}

function suffix({ where }: Change): string {
  return where === undefined ? '' : ` where ${where}`;
}

/** Returns names in lines of a readable length. */
function wrapped(names: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const [index, name] of names.entries()) {
    const word = index === names.length - 1 ? name : `${name},`;
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length >= lineWidth) lines.push(`    ${word}`);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

function someOf(names: readonly string[]): readonly string[] {
  if (names.length <= shownRewritten + 1) return names;
  return [...names.slice(0, shownRewritten), `and ${names.length - shownRewritten} more`];
}

/**
 * Returns a name from a profile without control characters, so that it cannot write lines or change
 * the direction of text.
 */
function escaped(text: string): string {
  return text.replaceAll(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Returns untrusted text as a Markdown code span that can be used in a table cell. */
export function inCode(text: string): string {
  return `\`${text.replaceAll(/[`|]|\p{C}/gu, ' ')}\``;
}
