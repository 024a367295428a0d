import type { Change, Direction } from '../../change.ts';
import { decisionOf, type Meaning, wideMeaningOf } from '../algebra/meaning.ts';
import { diffSeccomp } from '../diff.ts';
import type { SeccompProfile } from '../model.ts';
import { decisionText } from './decision-text.ts';

/** Subjects that a new version treats in another way, and how, in words. */
export interface WordedDifference {
  readonly direction: Direction;
  /** System calls, sorted; or one of `calls that are not listed`, `architectures` and others. */
  readonly subjects: readonly string[];
  /** What applied, and what applies now: `fails with EPERM`. */
  readonly was: string;
  readonly is: string;
}

/** What diffSeccomp states of programs for architectures that a profile does not list. */
const killed = 'calls are killed';

/**
 * Returns how two profiles differ in meaning, as diffSeccomp judges it, in words; subjects that
 * change in the same way are together. The words state everything that a call gets: a call that is
 * looser or stricter for some arguments is not repeated for those for which it only changes.
 *
 * @param native what runtimes add if a profile lists no architectures, as SCMP_ARCH_*.
 */
export function seccompDifferences(
  from: SeccompProfile,
  to: SeccompProfile,
  native: string,
): readonly WordedDifference[] {
  const [before, after] = [wideMeaningOf(from), wideMeaningOf(to)];
  const worded = diffSeccomp(from, to, native).changes.map((change) => wordedChange(change, before, after));
  const sentence = ({ subjects, was, is }: WordedDifference): string => [...subjects, was, is].join('\n');
  const judged = new Set(worded.filter(({ direction }) => direction !== 'changed').map(sentence));
  const stated = worded.filter((one) => one.direction !== 'changed' || !judged.has(sentence(one)));
  const alike = Map.groupBy(stated, ({ direction, was, is }) => [direction, was, is].join('\n'));
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [{ ...first, subjects: [...new Set(group.flatMap(({ subjects }) => subjects))] }];
  });
}

function wordedChange(
  { subject, direction, from, to, where }: Change,
  before: Meaning,
  after: Meaning,
): WordedDifference {
  if (subject === 'defaultAction') {
    const [was, is] = [decisionText('', before.otherwise), decisionText('', after.otherwise)];
    return { direction, subjects: ['calls that are not listed'], was, is };
  }
  if (subject === 'architectures' && [from, to].includes(killed)) {
    const name = from === killed ? to : from;
    const [was, now] = from === killed ? ['are killed', 'run'] : ['run', 'are killed'];
    const is = where === undefined ? now : `${now}, where ${where}`;
    return { direction, subjects: [`programs for ${name.replace(/^SCMP_ARCH_/, '').toLowerCase()}`], was, is };
  }
  if (before.decisions.has(subject) || after.decisions.has(subject)) {
    const [was, is] = [
      decisionText(subject, decisionOf(before, subject)),
      decisionText(subject, decisionOf(after, subject)),
    ];
    if (was !== is) return { direction, subjects: [subject], was, is };
  }
  return { direction, subjects: [subject], was: from, is: where === undefined ? to : `${to} (${where})` };
}
