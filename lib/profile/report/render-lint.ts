import { BoundedMarkdown } from '../bounded-markdown.ts';
import { inCode } from '../render-diff.ts';
import type { Report } from './report.ts';

/** Returns what lint reports as Markdown, for the summary of a CI job: a table, errors first. */
export function renderLintMarkdown({ files }: Report): string {
  const markdown = new BoundedMarkdown();
  const rows = files.flatMap(({ name, path = name, entries, unread }) => [
    ...(unread === undefined ? [] : [{ path, line: '', level: 'error' as const, message: unread }]),
    ...entries.map(({ level, message, place }) => ({ path, line: place?.line ?? '', level, message })),
  ]);
  const count = (level: string, word: string): string => plural(rows.filter((row) => row.level === level).length, word);
  const counts = [count('error', 'error'), count('warning', 'warning'), count('note', 'remark')];
  markdown.add(`**${counts.join(', ')} in ${plural(files.length, 'profile')}**`);
  if (rows.length === 0) return markdown.finish();
  markdown.add('| profile | line | | finding |\n|---|---|---|---|', '\n');
  const sorted = (['error', 'warning', 'note'] as const).flatMap((level) => rows.filter((row) => row.level === level));
  for (const [index, { path, line, level, message }] of sorted.entries()) {
    if (markdown.add(`| ${inCode(path)} | ${line} | ${level} | ${inCode(message)} |`, '\n')) continue;
    return markdown.finish(`\n${sorted.length - index} more findings are not shown.`);
  }
  return markdown.finish();
}

function plural(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
