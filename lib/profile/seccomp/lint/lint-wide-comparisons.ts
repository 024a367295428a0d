import type { Finding } from '../../finding.ts';
import { argumentSet, containsValue, word } from '../algebra/argument-set.ts';
import type { Box } from '../algebra/box.ts';
import type { Budget } from '../algebra/budget.ts';
import { orTooMuch, spend } from '../algebra/budget.ts';
import type { Decision } from '../algebra/decision.ts';
import type { Meaning } from '../algebra/meaning.ts';
import { decisionOf } from '../algebra/meaning.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { describeOutcome, stricter, strictness } from '../algebra/outcome.ts';
import { intArguments } from '../libseccomp/int-arguments.ts';
import { kernelReading, tightenings } from '../libseccomp/kernel-reading.ts';
import type { SeccompArg, SeccompRule } from '../model.ts';

/** The conditional entries of one syscall with their places in the profile. */
export interface PlacedEntries {
  readonly rules: readonly SeccompRule[];
  readonly places: readonly number[];
}

/** Steps for all syscalls together; a profile in use takes some thousands. */
const steps = 2_000_000;

/** At most this many syscalls of one entry are named. */
const shownNames = 4;

const command = 'fairlead convert --narrow-comparisons';

/** A call that gets another outcome than the one that the kernel makes of it. */
interface Evasion {
  readonly args: readonly (bigint | undefined)[];
  readonly index: number;
  readonly held: Outcome;
  /** The stricter outcome, for the low half of the argument. */
  readonly meant: Outcome;
}

/**
 * Returns the findings `wide-comparison`: conditions on arguments of which the kernel takes 32 bits
 * that compare 64, if a value with upper bits gets a laxer outcome than its low half. One for each
 * entry at most.
 *
 * @param entries by syscall, in the order in which findings are wanted.
 */
export function lintWideComparisons(
  architectures: readonly string[],
  meaning: Meaning,
  entries: ReadonlyMap<string, PlacedEntries>,
): readonly Finding[] {
  const budget: Budget = { left: steps };
  // Entries that list none are for the native architecture of a node, of which only the name is not
  // known.
  const listed = architectures.length === 0 ? ['SCMP_ARCH_X86_64'] : architectures;
  const findings = new Map<string, { readonly names: string[]; readonly say: (names: string) => string }>();
  for (const [name, own] of entries) {
    const decision = decisionOf(meaning, name);
    for (const index of intArguments(name, listed)) {
      const reading = kernelReading(decision, index);
      if (reading === undefined) continue;
      for (const { at, position, evasion } of evasionsOf(own.rules, decision, reading, index, budget)) {
        const pointer = `/syscalls/${own.places[at]}/args/${position}`;
        const known = findings.get(pointer);
        const arg = own.rules[at]?.args?.[position];
        if (known !== undefined) known.names.push(name);
        else if (arg !== undefined) {
          findings.set(pointer, { names: [name], say: (names) => messageOf(names, name, evasion, arg, decision) });
        }
      }
    }
  }
  return [...findings].map(([pointer, { names, say }]) => {
    const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : '';
    const message = say(`${names.slice(0, shownNames).join(', ')}${more}`);
    return { code: 'wide-comparison', severity: 'warning', message, pointer };
  });
}

interface Blamed {
  readonly at: number;
  readonly position: number;
  readonly evasion: Evasion;
}

/**
 * Finds for each entry the first condition on the argument that upper bits evade, with a call that
 * does.
 */
function evasionsOf(
  rules: readonly SeccompRule[],
  decision: Decision,
  reading: Decision,
  index: number,
  budget: Budget,
): readonly Blamed[] {
  const blamed: Blamed[] = [];
  orTooMuch(() => {
    for (const [at, { args = [] }] of rules.entries()) {
      const position = args.findIndex(
        (arg) => arg.index === index && evades(args, arg, decision, budget) !== undefined,
      );
      const arg = args[position];
      const evasion = arg && evades(args, arg, decision, budget);
      if (evasion !== undefined) blamed.push({ at, position, evasion });
    }
  });
  return blamed.length > 0 ? blamed : firstOf(rules, decision, reading, index, budget);
}

/**
 * Tries the values of one condition and those beside them, if an upper bit changes whether it
 * holds.
 */
function evades(
  args: readonly SeccompArg[],
  condition: SeccompArg,
  decision: Decision,
  budget: Budget,
): Evasion | undefined {
  const { index, op, value, valueTwo = 0n } = condition;
  const holds = (datum: bigint) => {
    const set = argumentSet(condition);
    return set === undefined || (set !== 'none' && containsValue(set, datum));
  };
  const corner = (op === 'SCMP_CMP_MASKED_EQ' ? value & valueTwo : value) & word;
  for (const low of [corner, corner - 1n, corner + 1n]) {
    if (low < 0n || low > word || holds(low) === holds((word + 1n) | low)) continue;
    const call = Array.from({ length: 6 }, (_, other) =>
      other === index ? (word + 1n) | low : valueFor(args.find((arg) => arg.index === other)),
    );
    const evasion = evasionBy(call, index, decision, budget);
    if (evasion !== undefined) return evasion;
  }
  return undefined;
}

/**
 * Returns an evasion that no condition shows by its own values, blamed on the first condition on
 * the argument.
 */
function firstOf(
  rules: readonly SeccompRule[],
  decision: Decision,
  reading: Decision,
  index: number,
  budget: Budget,
): readonly Blamed[] {
  const evasion = orTooMuch(() => {
    const { value: box } = tightenings(decision, reading, budget).next();
    return box && evasionBy(pointOf(box), index, decision, budget);
  });
  const at = rules.findIndex(({ args = [] }) => args.some((arg) => arg.index === index));
  const position = rules[at]?.args?.findIndex((arg) => arg.index === index) ?? -1;
  return evasion === undefined || position < 0 ? [] : [{ at, position, evasion }];
}

function evasionBy(
  args: readonly (bigint | undefined)[],
  index: number,
  decision: Decision,
  budget: Budget,
): Evasion | undefined {
  spend(budget, 1 + 2 * decision.regions.length);
  const held = outcomeAt(decision, args);
  const meant = outcomeAt(decision, args.with(index, (args[index] ?? 0n) & word));
  return strictness(meant) > strictness(held) ? { args, index, held, meant } : undefined;
}

function outcomeAt({ regions, otherwise }: Decision, args: readonly (bigint | undefined)[]): Outcome {
  let found: Outcome | undefined;
  for (const { box, outcome } of regions) {
    if (!box.every((side) => containsValue(side.set, args[side.index] ?? 0n))) continue;
    found = found === undefined ? outcome : stricter(found, outcome);
  }
  return found ?? otherwise;
}

/** Returns a value that meets a condition on another argument; undefined for any. */
function valueFor(arg: SeccompArg | undefined): bigint | undefined {
  const set = arg && argumentSet(arg);
  if (set === undefined || set === 'none') return undefined;
  return pointOf([{ index: 0, set }])[0];
}

/** Returns a call of a box; arguments that it does not name may be anything. */
function pointOf(box: Box): readonly (bigint | undefined)[] {
  const args = new Array<bigint | undefined>(6).fill(undefined);
  for (const { index, set } of box) {
    if (set.form === 'range' || set.form === 'lowRange') args[index] = set.low;
    else if (set.form === 'bits') args[index] = set.value;
    else args[index] = set.value === 0n ? 1n : 0n;
  }
  return args;
}

function messageOf(names: string, name: string, evasion: Evasion, arg: SeccompArg, decision: Decision): string {
  const { args, index, held, meant } = evasion;
  const call = (value: bigint) => {
    const shown = args.with(index, value);
    const last = shown.findLastIndex((each) => each !== undefined);
    return `${name}(${shown
      .slice(0, last + 1)
      .map((each) => (each === undefined ? '*' : `0x${each.toString(16)}`))
      .join(', ')})`;
  };
  const value = args[index] ?? 0n;
  return (
    `${names}: ${call(value)} gets ${describeOutcome(held)}, and the kernel, which takes 32 bits of argument ${index}, ` +
    `makes it ${call(value & word)}, which gets ${describeOutcome(meant)}: ${fixFor(arg, decision, meant)}`
  );
}

/** Returns what to write instead: in simple cases the condition itself. */
function fixFor({ op, value }: SeccompArg, { otherwise }: Decision, meant: Outcome): string {
  const isSimple = op === 'SCMP_CMP_EQ' && value <= word && strictness(meant) > strictness(otherwise);
  if (!isSimple) return `${command} writes comparisons of 32 bits`;
  return `compare 32 bits by SCMP_CMP_MASKED_EQ with value ${word} and valueTwo ${value}, as ${command} does`;
}
