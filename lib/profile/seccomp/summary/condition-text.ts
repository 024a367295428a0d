import type { ArgumentSet } from '../algebra/argument-set.ts';
import { maxValue, word } from '../algebra/argument-set.ts';
import type { Box, Side } from '../algebra/box.ts';
import type { Decision } from '../algebra/decision.ts';
import { joinBoxes } from '../algebra/join-boxes.ts';
import { type KnownArgument, knownArgument } from '../tables/argument-values.ts';
import { passingOf } from './passing.ts';

/** At most this many values or alternatives are listed; the others are counted. */
const listed = 8;

/**
 * Returns when a system call passes, as the end of a sentence that begins with its name: `when the
 * family is not AF_NETLINK (16)`; undefined if that does not depend on its arguments.
 */
export function conditionText(syscall: string, decision: Decision): string | undefined {
  const found = passingOf(decision);
  if (found === undefined) return 'under more conditions than can be listed';
  if (found.passing.length === 0 || found.others.length === 0) return undefined;
  const [passing, others] = [joinBoxes(found.passing), joinBoxes(found.others)];
  const excluded = valuesOf(others);
  const wanted = valuesOf(passing);
  if (wanted !== undefined && (excluded === undefined || wanted.values.length <= excluded.values.length)) {
    return `when ${subject(syscall, wanted.index)} is ${list(namesOf(syscall, wanted), 'or')}`;
  }
  if (excluded !== undefined) {
    const names = namesOf(syscall, excluded);
    return `when ${subject(syscall, excluded.index)} is not ${names.length === 1 ? names[0] : list(names, 'or')}`;
  }
  return passing.length <= others.length
    ? `when ${alternatives(syscall, passing)}`
    : `unless ${alternatives(syscall, others)}`;
}

/** Single values of one argument. */
interface Values {
  readonly index: number;
  readonly values: readonly bigint[];
}

/** Returns boxes as values of one argument; undefined if they are something else. */
function valuesOf(boxes: readonly Box[]): Values | undefined {
  const values = new Set<bigint>();
  let index: number | undefined;
  for (const box of boxes) {
    const [side] = box;
    const value = side === undefined ? undefined : singleValue(side.set);
    if (side === undefined || box.length > 1 || value === undefined) return undefined;
    if (index !== undefined && index !== side.index) return undefined;
    index = side.index;
    values.add(value);
  }
  if (index === undefined) return undefined;
  return { index, values: [...values].sort((a, b) => (a < b ? -1 : 1)) };
}

/** Returns the only value of a set, as far as 32 bits count if the set compares no more. */
function singleValue(set: ArgumentSet): bigint | undefined {
  const isRange = set.form === 'range' || set.form === 'lowRange';
  return isRange && set.low === set.high ? set.low : undefined;
}

function namesOf(syscall: string, { index, values }: Values): readonly string[] {
  const argument = knownArgument(syscall, index);
  return values.map((value) => nameOf(value, argument));
}

function nameOf(value: bigint, argument: KnownArgument | undefined): string {
  const number = value < 4096n ? `${value}` : `0x${value.toString(16)}`;
  const name = argument?.constants.get(value);
  return name === undefined ? number : `${name} (${number})`;
}

function alternatives(syscall: string, boxes: readonly Box[]): string {
  const texts = new Set(boxes.map((box) => box.map((side) => sideText(syscall, side)).join(' and ')));
  return list([...texts], 'or', texts.size > 1 && boxes.some((box) => box.length > 1) ? ', ' : undefined);
}

function subject(syscall: string, index: number): string {
  return `the ${knownArgument(syscall, index)?.name ?? `${ordinals[index]} argument`}`;
}

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'];

function sideText(syscall: string, { index, set }: Side): string {
  const argument = knownArgument(syscall, index);
  const name = subject(syscall, index);
  const one = (value: bigint): string => nameOf(value, argument);
  switch (set.form) {
    case 'except':
      return `${name} is not ${one(set.value)}`;
    case 'bits':
      return bitsText(name, set, argument);
    case 'lowRange':
    case 'range': {
      const most = set.form === 'range' ? maxValue : word;
      if (set.low === set.high) return `${name} is ${one(set.low)}`;
      if (set.high === most) return `${name} is at least ${one(set.low)}`;
      return set.low === 0n ? `${name} is at most ${one(set.high)}` : `${name} is ${one(set.low)} to ${one(set.high)}`;
    }
  }
}

function bitsText(
  name: string,
  { mask, value }: Extract<ArgumentSet, { form: 'bits' }>,
  argument: KnownArgument | undefined,
): string {
  if (argument?.areBits && (value === 0n || value === mask)) {
    const names = [...argument.constants].flatMap(([bit, each]) => ((mask & bit) === bit ? [each] : []));
    const covered = [...argument.constants.keys()].reduce((all, bit) => ((mask & bit) === bit ? all | bit : all), 0n);
    const rest = mask ^ covered;
    if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
    const verb = name.endsWith('s') ? 'contain' : 'contains';
    if (value === 0n) return `${name} ${verb} none of ${list(names, 'and')}`;
    return `${name} ${verb} ${list(names, 'and')}`;
  }
  return `${name} masked with 0x${mask.toString(16)} is ${nameOf(value, undefined)}`;
}

/** Returns texts as a list in a sentence, the last one joined by a word. */
function list(all: readonly string[], word: 'and' | 'or', separator = ', '): string {
  if (all.length > listed) return `${all.slice(0, listed - 1).join(separator)} ${word} ${all.length - listed + 1} more`;
  const last = all.at(-1) ?? '';
  return all.length < 2 ? last : `${all.slice(0, -1).join(separator)} ${word} ${last}`;
}
