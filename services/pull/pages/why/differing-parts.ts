/** A text in two parts, of which one may be marked. */
export interface MarkedText {
  readonly before: string;
  readonly marked: string;
  readonly after: string;
}

/** What a rule wants beside what was asked, each with the part in which they differ. */
export interface DifferingParts {
  readonly rule: MarkedText;
  readonly asked: MarkedText;
}

/**
 * Returns where a pattern of a rule and the name of a repository differ: without the segments that
 * they have in common at the beginning, and without what `**` at the end of the pattern stands for.
 */
export function differingParts(pattern: string, repository: string): DifferingParts {
  const [rule, asked] = [pattern.split('/'), repository.split('/')];
  let same = 0;
  while (same < rule.length - 1 && same < asked.length - 1 && rule[same] === asked[same]) same += 1;
  const open = rule.at(-1) === '**' && rule.length - 1 > same ? 1 : 0;
  const rest = asked.length - same > 1 ? open : 0;
  return { rule: marked(rule, same, open), asked: marked(asked, same, rest) };
}

function marked(segments: readonly string[], from: number, rest: number): MarkedText {
  const to = segments.length - rest;
  const [before, middle, after] = [segments.slice(0, from), segments.slice(from, to), segments.slice(to)];
  return {
    before: before.length === 0 ? '' : `${before.join('/')}/`,
    marked: middle.join('/'),
    after: after.length === 0 ? '' : `/${after.join('/')}`,
  };
}
