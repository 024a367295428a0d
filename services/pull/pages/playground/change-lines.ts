import type { Change, Direction, ProfileDiff } from '#lib/profile/change';
import type { Constraint } from '#lib/profile/constraint';
import { type Differences, type DiffLine, diffLines } from '../components/diff-lines.ts';
import { type Html, html } from '../components/html.ts';
import { count, counted } from '../components/words.ts';

/** Subjects of one line. */
const shownSubjects = 60;

/** Returns how a profile differs from an older one. */
export function differenceLines({ changes, rewritten }: ProfileDiff): Html {
  const same =
    rewritten.length > 0 &&
    html`<p class="lead">${counted(rewritten.length, 'subject')} written differently, with the same meaning.</p>`;
  if (changes.length === 0) return html`<p class="lead">No difference in meaning.</p>${same}`;
  const of = (direction: Direction) => changes.filter((change) => change.direction === direction);
  const differences: Differences = {
    loosened: lines(of('loosened')),
    tightened: lines(of('tightened')),
    changed: lines(of('changed')),
  };
  const counts = {
    loosened: count(of('loosened').length),
    tightened: count(of('tightened').length),
    changed: count(of('changed').length),
  };
  return html`${diffLines(differences, counts)}${same}`;
}

/** Returns in which respects a node makes a profile stricter. */
export function constraintLines(constraints: readonly Constraint[]): Html {
  if (constraints.length === 0) return html`<p class="lead">It applies as it is: nothing makes it stricter.</p>`;
  const tightened = lines(constraints);
  const counts = { loosened: '', tightened: `by the node: ${count(constraints.length)}`, changed: '' };
  return diffLines({ loosened: [], tightened, changed: [] }, counts);
}

/** Returns a line for all subjects that change in the same way. */
function lines(changes: readonly Pick<Change, 'subject' | 'from' | 'to' | 'where'>[]): readonly DiffLine[] {
  const alike = Map.groupBy(changes, ({ from, to, where }) => JSON.stringify([from, to, where]));
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const more = group.length - shownSubjects;
    const subjects = group.slice(0, shownSubjects).map(({ subject }) => subject);
    const what = `${subjects.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
    return [{ what, was: first.from, is: first.where === undefined ? first.to : `${first.to} where ${first.where}` }];
  });
}
