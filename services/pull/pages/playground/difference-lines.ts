import type { Direction } from '#lib/profile/change';
import type { WordedDifference } from '#lib/profile/seccomp/summary/differences';
import { type DiffLine, diffLines } from '../components/diff-lines.ts';
import { type Html, html } from '../components/html.ts';
import { publisher } from '../components/publisher.ts';
import { count } from '../components/words.ts';

/** Lines of one direction, and subjects of one line. */
const shownLines = 100;
const shownSubjects = 60;

/**
 * Returns differences of two profiles.
 *
 * @param of what the number of each direction is followed by, such as ` by the node`
 */
export function differenceLines(differences: readonly WordedDifference[], of = ''): Html {
  const inDirection = (direction: Direction) => differences.filter((difference) => difference.direction === direction);
  const lines = (direction: Direction) => inDirection(direction).slice(0, shownLines).map(line);
  const figure = (direction: Direction): string => {
    const number = inDirection(direction).reduce((sum, { subjects }) => sum + subjects.length, 0);
    return `${count(number)}${of}`;
  };
  const parts = { loosened: lines('loosened'), tightened: lines('tightened'), changed: lines('changed') };
  const figures = { loosened: figure('loosened'), tightened: figure('tightened'), changed: figure('changed') };
  const isWhole = (['loosened', 'tightened', 'changed'] as const).every(
    (part) => inDirection(part).length <= shownLines,
  );
  return html`${diffLines(parts, figures)}${!isWhole && html`<p class="lead">More differences exist: run <code>fairlead diff</code>.</p>`}`;
}

function line({ subjects, was, is }: WordedDifference): DiffLine {
  const others = subjects.length - shownSubjects;
  const names = subjects.slice(0, shownSubjects).map((name, index) => html`${index > 0 && ', '}${publisher(name)}`);
  return { what: html`${names}${others > 0 && ` and ${count(others)} more`}`, was: short(was), is: short(is) };
}

/** `is allowed` is a predicate; beside what it was, `allowed` is enough. */
function short(outcome: string): string {
  return outcome.replace(/^is /, '');
}
