import { hubNames, isWholeName, type NamePosition, nameCharacters, nextPosition } from './name-position.ts';
import { PatternStates } from './pattern-states.ts';

/**
 * How many positions of names may still be examined by all calls that share this budget. Some
 * patterns need millions.
 */
export interface PositionBudget {
  positions: number;
}

/**
 * Whether the patterns of earlier rules cover all that a pattern matches: `covered`, or a
 * repository that only the pattern matches; `undecided` if the budget is used up before.
 */
export type Coverage = 'covered' | 'undecided' | { readonly repository: string };

/** A name so far, and the states of the pattern and of the others. */
interface Position {
  readonly text: string;
  readonly at: NamePosition;
  readonly inner: number;
  readonly outer: number;
}

/**
 * Returns whether every `registry/repository` that a pattern matches is matched by at least one of
 * the others, as matchesRepository matches. All patterns must be valid (see matchProblem).
 */
export function coverage(pattern: string, others: readonly string[], budget: PositionBudget): Coverage {
  const inner = new PatternStates([pattern]);
  const outer = new PatternStates(others);
  const hubRepositories = hubNames.map((name) => `${name}/`);
  const atHub = { inner: inner.afterAny(hubRepositories), outer: outer.afterAny(hubRepositories) };
  const step = ({ text, at, ...states }: Position, character: string): Position | undefined => {
    const isHub = at === hubNames[0] && character === '/';
    const next = isHub ? atHub.inner : inner.next(states.inner, character);
    const position = next === PatternStates.none ? undefined : nextPosition(at, character);
    if (position === undefined) return undefined;
    const beside = isHub ? atHub.outer : outer.next(states.outer, character);
    return { text: text + character, at: position, inner: next, outer: beside };
  };
  const isLeft = ({ at, ...states }: Position): boolean =>
    isWholeName(at) && inner.accepts(states.inner) && !outer.accepts(states.outer);
  const start: Position = { text: '', at: '', inner: inner.start, outer: outer.start };

  // For most patterns that are not covered, a simple example proves it.
  const example = [...exampleOf(pattern)].reduce(
    (position: Position | undefined, character) => position && step(position, character),
    start,
  );
  if (example !== undefined && isLeft(example)) return { repository: example.text };

  const characters = distinctCharacters([inner, outer]);
  const seen = new Set<string>();
  const queue = [start];
  for (const position of queue) {
    if (outer.acceptsAll(position.outer)) continue;
    if (isLeft(position)) return { repository: position.text };
    for (const character of characters) {
      const next = step(position, character);
      const key = next && `${next.at} ${next.inner} ${next.outer}`;
      if (key === undefined || seen.has(key)) continue;
      if (budget.positions === 0) return 'undecided';
      budget.positions -= 1;
      seen.add(key);
      queue.push(next as Position);
    }
  }
  return 'covered';
}

/** Returns a name that most patterns match, with parts that few other patterns contain. */
function exampleOf(pattern: string): string {
  return pattern
    .replace(/:\*/, ':17')
    .replace(/^\*\*/, 'q7z.example/q7z')
    .replace(/^\*(?=[/:])/, 'q7z.example')
    .replace(/\*+/g, 'q7z');
}

/**
 * Returns the characters to try. Letters and digits that occur in no pattern, no name of Docker Hub
 * and no `0x` are equivalent, so one of each class represents the others.
 */
function distinctCharacters(patterns: readonly PatternStates[]): string[] {
  const told = (character: string): boolean =>
    patterns.some(({ characters }) => characters.has(character)) ||
    [...hubNames, '0x'].some((name) => name.includes(character));
  const alike = [/[a-f]/, /[g-z]/, /[1-9]/].map((group) =>
    nameCharacters.find((character) => group.test(character) && !told(character)),
  );
  return nameCharacters.filter(
    (character) => !/[a-z1-9]/.test(character) || told(character) || alike.includes(character),
  );
}
