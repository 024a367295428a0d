import { registryName } from '#lib/registry/registry-name';

/**
 * What a pattern matches next: one character; `*`; `**` and a segment inside it; anything to the
 * end; nothing more.
 */
type Step =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'star' | 'segments' | 'segment' | 'rest' | 'end' };

/** The steps that patterns can have reached after the same characters. */
interface State {
  readonly steps: readonly number[];
  readonly accepts: boolean;
  readonly acceptsAll: boolean;
  /** The states after a character, as far as they are known. */
  readonly next: Map<string, number>;
}

/**
 * Patterns of a policy (match.ts) as one automaton, which reads `registry/repository` character by
 * character. Each state is the set of all steps that the patterns can have reached, and has a
 * number. States are built when they are first reached.
 */
export class PatternStates {
  /** The state from which no pattern can match. */
  static readonly none = 0;
  /** The characters that occur in the patterns. All others are equivalent. */
  readonly characters: ReadonlySet<string>;
  readonly start: number;
  readonly #steps: Step[] = [];
  readonly #states: State[] = [];
  readonly #numbers = new Map<string, number>();

  /** All patterns must be valid (see matchProblem). */
  constructor(patterns: readonly string[]) {
    const starts = patterns.map((pattern) => {
      const start = this.#steps.length;
      this.#steps.push(...stepsOf(pattern));
      return start;
    });
    this.characters = new Set(this.#steps.flatMap((step) => (step.kind === 'character' ? [step.character] : [])));
    this.#stateOf([]);
    this.start = this.#stateOf(starts);
  }

  /** Returns the state after one more character. */
  next(state: number, character: string): number {
    const { steps, next } = this.#at(state);
    const known = next.get(character);
    if (known !== undefined) return known;
    const found = this.#stateOf(steps.flatMap((step) => this.#after(step, character)));
    next.set(character, found);
    return found;
  }

  /** Returns the state after any one of the texts: the union of their states. */
  afterAny(texts: readonly string[]): number {
    const states = texts.map((text) => [...text].reduce((state, character) => this.next(state, character), this.start));
    return this.#stateOf(states.flatMap((state) => this.#at(state).steps));
  }

  /** Returns whether a pattern matches a name that ends here. */
  accepts(state: number): boolean {
    return this.#at(state).accepts;
  }

  /** Returns whether a pattern matches every name that continues from here. */
  acceptsAll(state: number): boolean {
    return this.#at(state).acceptsAll;
  }

  #at(state: number): State {
    const found = this.#states[state];
    if (found === undefined) throw new RangeError(`no state ${state}`);
    return found;
  }

  #after(at: number, character: string): readonly number[] {
    const step = this.#steps[at];
    switch (step?.kind) {
      case 'character':
        return step.character === character ? [at + 1] : [];
      case 'star':
        return character === '/' ? [] : [at];
      case 'segments':
        return character === '/' ? [] : [at + 1];
      case 'segment':
        return character === '/' ? [at - 1] : [at];
      case 'rest':
        return [at];
      default:
        return [];
    }
  }

  /**
   * Returns the number of the state with these steps and those that are reached without a
   * character: `*` and `**` may match nothing.
   */
  #stateOf(given: readonly number[]): number {
    const all = new Set(given);
    for (const at of all) {
      const kind = this.#steps[at]?.kind;
      if (kind === 'star') all.add(at + 1);
      if (kind === 'segments') all.add(at + 2);
    }
    const steps = [...all].sort((a, b) => a - b);
    const key = steps.join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const kinds = steps.map((at) => this.#steps[at]?.kind);
    const acceptsAll = kinds.includes('rest');
    this.#numbers.set(key, this.#states.length);
    return this.#states.push({ steps, accepts: acceptsAll || kinds.includes('end'), acceptsAll, next: new Map() }) - 1;
  }
}

function stepsOf(pattern: string): Step[] {
  const [first = '', ...others] = pattern.split('/');
  const segments = [registryName(first), ...others];
  const last = segments.length - 1;
  return segments.flatMap((segment, index): Step[] => {
    if (segment === '**') return index === last ? [{ kind: 'rest' }] : [{ kind: 'segments' }, { kind: 'segment' }];
    const steps = [...segment].map(
      (character): Step => (character === '*' ? { kind: 'star' } : { kind: 'character', character }),
    );
    return [...steps, index === last ? { kind: 'end' } : { kind: 'character', character: '/' }];
  });
}
