import { BoundedMarkdown } from './bounded-markdown.ts';
import type { ComparedProfile, Comparison } from './compare-profile-files.ts';
import { describeOneSided, inCode, renderDiffMarkdown, renderDiffText, renderOneSidedText } from './render-diff.ts';

const words = ['invalid', 'loosened', 'tightened', 'changed', 'rewritten', 'renamed', 'new', 'deleted'] as const;

/** The result of comparing a profile with its old version. */
export type Outcome = (typeof words)[number];

/** Returns the number of profiles for each outcome. Outcomes without profiles are omitted. */
export function countOutcomes({ profiles, unchanged }: Comparison): Readonly<Record<string, number>> {
  const found = profiles.map(outcomeOf);
  const counted = words.map((word) => [word, found.filter((outcome) => outcome === word).length] as const);
  return { ...Object.fromEntries(counted.filter(([, count]) => count > 0)), unchanged };
}

/** Returns the same in words: `1 loosened, 2 new, 27 unchanged`. */
export function describeOutcomes(comparison: Comparison): string {
  const counts = Object.entries(countOutcomes(comparison));
  return counts.map(([word, count]) => `${count} ${word}`).join(', ');
}

/** Returns the outcome of a profile. */
export function outcomeOf({ change, loosened, diff }: ComparedProfile): Outcome {
  if (loosened) return 'loosened';
  if (diff === undefined) return change;
  if (diff.changes.some(({ direction }) => direction === 'tightened')) return 'tightened';
  if (diff.changes.length > 0) return 'changed';
  return change === 'renamed' ? change : 'rewritten';
}

/** Returns a comparison as lines for a terminal: a part for each profile, then the counts. */
export function renderComparisonText(comparison: Comparison): string {
  const parts = comparison.profiles.map((profile) => {
    const indented = bodyText(profile)
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`);
    return [`${nameOf(profile)}: ${outcomeOf(profile)}`, ...indented].join('\n');
  });
  return `${[...parts, describeOutcomes(comparison)].join('\n\n')}\n`;
}

/**
 * Returns a comparison as Markdown, e.g. for a comment on a pull request. What would make it longer
 * than platforms accept is left out, and that is said.
 */
export function renderComparisonMarkdown(comparison: Comparison): string {
  const markdown = new BoundedMarkdown();
  markdown.add(`**${describeOutcomes(comparison)}**`);
  for (const [index, profile] of comparison.profiles.entries()) {
    const heading = `## ${inCode(nameOf(profile))}: ${outcomeOf(profile)}`;
    if (markdown.add(`${heading}\n\n${bodyMarkdown(profile).trimEnd()}`)) continue;
    if (markdown.add(`${heading}\n\nThe difference is too long to be shown here.`)) continue;
    return markdown.finish(`${comparison.profiles.length - index} more profiles differ.`);
  }
  return markdown.finish();
}

function nameOf({ change, name, from, to }: ComparedProfile): string {
  return change === 'renamed' && from !== undefined ? `${from} -> ${to}` : name;
}

function bodyText(profile: ComparedProfile): string {
  const { change, diff, undecided, error, kind, name } = profile;
  if (error !== undefined) return `error: ${error.message}`;
  if (diff !== undefined) return renderDiffText(diff);
  if (undecided !== undefined) return cannotCompare(undecided);
  return kind === undefined
    ? notValid
    : renderOneSidedText({ change: change === 'new' ? change : 'deleted', kind, name });
}

function bodyMarkdown(profile: ComparedProfile): string {
  const { change, diff, undecided, error, kind, name } = profile;
  if (error !== undefined) return inCode(error.message);
  if (diff !== undefined) return renderDiffMarkdown(diff);
  if (undecided !== undefined) return cannotCompare(undecided);
  return kind === undefined
    ? notValid
    : describeOneSided({ change: change === 'new' ? change : 'deleted', kind, name }, inCode(name));
}

const notValid = 'Deleted file, which was not a valid profile.';

function cannotCompare(undecided: string): string {
  return `It cannot be compared, and is treated as loosened: ${undecided}.`;
}
