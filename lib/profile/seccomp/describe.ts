import type { ArgumentSet } from './argument-set.ts';
import { maxValue } from './argument-set.ts';
import type { Box, Side } from './box.ts';
import { joinBoxes } from './join-boxes.ts';
import type { Decision } from './meaning.ts';
import { describeOutcome, sameOutcome } from './outcome.ts';

/** So many alternatives of one outcome are shown; of more only their number. */
const shown = 4;

/** A decision for people: `SCMP_ACT_ALLOW if arg0 != 40, else SCMP_ACT_ERRNO(1)`. */
export function describeDecision({ regions, otherwise }: Decision): string {
  const last = describeOutcome(otherwise);
  const others = regions.filter(({ outcome }) => !sameOutcome(outcome, otherwise));
  const [first] = others;
  if (first === undefined) return last;
  if (others.every(({ outcome }) => sameOutcome(outcome, first.outcome))) {
    return `${describeOutcome(first.outcome)} if ${alternatives(others.map(({ box }) => box))}, else ${last}`;
  }
  const byOutcome = new Map<string, Box[]>();
  for (const { box, outcome } of others) {
    const name = describeOutcome(outcome);
    const found = byOutcome.get(name);
    if (found === undefined) byOutcome.set(name, [box]);
    else found.push(box);
  }
  let text = '';
  for (const [name, boxes] of byOutcome) text += `${name} if ${alternatives(boxes)}, `;
  return `${text}else ${last}`;
}

/** The calls of a box for people: `arg0 == 2 and arg1 >= 16`. */
export function describeBox(box: Box): string {
  if (box.length === 0) return 'any arguments';
  let text = '';
  for (const side of box) text += text === '' ? describeSide(side) : ` and ${describeSide(side)}`;
  return text;
}

/** Several boxes for people, joined by "or". */
export function alternatives(all: readonly Box[]): string {
  const boxes = joinBoxes(all);
  if (boxes.length > shown) {
    const first = boxes.slice(0, shown - 1).map(describeBox);
    return `${first.join(' or ')} or ${boxes.length - first.length} more conditions`;
  }
  const texts = boxes.map(describeBox);
  let text = texts[0] ?? '';
  for (let at = 1; at < texts.length; at += 1) {
    const next = texts[at] as string;
    if (texts.indexOf(next) === at) text += ` or ${next}`;
  }
  return text;
}

function describeSide({ index, set }: Side): string {
  return describeSet(`arg${index}`, set);
}

function describeSet(name: string, set: ArgumentSet): string {
  switch (set.form) {
    case 'except':
      return `${name} != ${number(set.value)}`;
    case 'bits':
      return `${name} & ${hexadecimal(set.mask)} == ${number(set.value)}`;
    case 'lowRange':
      return describeSet(`${name} & 0xffffffff`, {
        form: 'range',
        low: set.low,
        high: set.high === 0xffff_ffffn ? maxValue : set.high,
      });
    case 'range':
      if (set.low === set.high) return `${name} == ${number(set.low)}`;
      if (set.high === maxValue) return `${name} >= ${number(set.low)}`;
      return set.low === 0n ? `${name} <= ${number(set.high)}` : `${number(set.low)} <= ${name} <= ${number(set.high)}`;
  }
}

function number(value: bigint): string {
  return value < 4096n ? `${Number(value)}` : hexadecimal(value);
}

function hexadecimal(value: bigint): string {
  return `0x${(value <= Number.MAX_SAFE_INTEGER ? Number(value) : value).toString(16)}`;
}
