import type { Direction } from './compare.ts';
import type { Change, ProfileDiff } from './diff.ts';

const order: readonly { readonly direction: Direction; readonly title: string; readonly sign: string }[] = [
  { direction: 'loosened', title: 'Loosened', sign: '-' },
  { direction: 'tightened', title: 'Tightened', sign: '+' },
  { direction: 'changed', title: 'Changed', sign: '~' },
];

/** Whether anything is permitted that was not: what a gate in CI looks at. */
export function isLoosened(diff: ProfileDiff): boolean {
  return diff.changes.some(({ direction }) => direction === 'loosened');
}

/** A difference as lines for a terminal: what was loosened first. */
export function renderDiffText(diff: ProfileDiff): string {
  const lines: string[] = [];
  for (const { direction, title, sign } of order) {
    const changes = diff.changes.filter((change) => change.direction === direction);
    if (changes.length === 0) continue;
    lines.push(`${title}:`);
    for (const change of changes)
      lines.push(`  ${sign} ${change.subject}: ${change.from} -> ${change.to}${suffix(change)}`);
  }
  if (lines.length === 0) lines.push('No difference in meaning.');
  if (diff.rewritten.length > 0) lines.push(`Written differently, same meaning: ${diff.rewritten.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

/** A difference as Markdown, e.g. for a comment on a pull request: a table of each kind. */
export function renderDiffMarkdown(diff: ProfileDiff): string {
  const parts: string[] = [];
  for (const { direction, title } of order) {
    const changes = diff.changes.filter((change) => change.direction === direction);
    if (changes.length === 0) continue;
    const rows = changes.map(
      (change) =>
        `| ${cell(change.subject)} | ${cell(change.from)} | ${cell(change.to)} | ${change.where === undefined ? '' : cell(change.where)} |`,
    );
    parts.push(`### ${title}\n\n| what | from | to | where |\n|---|---|---|---|\n${rows.join('\n')}`);
  }
  if (parts.length === 0) parts.push('No difference in meaning.');
  if (diff.rewritten.length > 0) {
    parts.push(`Written differently, same meaning: ${diff.rewritten.map(cell).join(', ')}`);
  }
  return `${parts.join('\n\n')}\n`;
}

function suffix({ where }: Change): string {
  return where === undefined ? '' : ` where ${where}`;
}

/** Text that comes from a profile is shown as code, so that it cannot be markup or break the table. */
function cell(text: string): string {
  return `\`${text.replaceAll(/[`|\r\n]/g, ' ')}\``;
}
