import type { ArgumentSet } from './argument-set.ts';
import { maxValue } from './argument-set.ts';
import type { Box } from './box.ts';
import type { Decision } from './decision.ts';
import { joinBoxes } from './join-boxes.ts';
import { describeOutcome } from './outcome.ts';

/** At most this many alternatives of one outcome are shown; the others are counted. */
const shown = 4;

/** Returns a decision as text: `SCMP_ACT_ALLOW if arg0 != 40, else SCMP_ACT_ERRNO(1)`. */
export function describeDecision({ regions, otherwise }: Decision): string {
  const last = describeOutcome(otherwise);
  if (regions.length === 0) return last;
  const byOutcome = new Map<string, Box[]>();
  for (const { box, outcome } of regions) {
    const name = describeOutcome(outcome);
    if (name === last) continue;
    const found = byOutcome.get(name);
    if (found === undefined) byOutcome.set(name, [box]);
    else found.push(box);
  }
  const parts = [...byOutcome].map(([name, boxes]) => `${name} if ${alternatives(boxes)}`);
  return parts.length === 0 ? last : `${parts.join(', ')}, else ${last}`;
}

/** Returns the calls of a box as text: `arg0 == 2 and arg1 >= 16`. */
export function describeBox(box: Box): string {
  if (box.length === 0) return 'any arguments';
  return box.map(({ index, set }) => describeSet(`arg${index}`, set)).join(' and ');
}

/** Returns several boxes as text, joined by "or". */
export function alternatives(all: readonly Box[]): string {
  const boxes = joinBoxes(all);
  if (boxes.length <= shown) {
    const texts = boxes.map(describeBox);
    return texts.filter((text, at) => texts.indexOf(text) === at).join(' or ');
  }
  const first = boxes.slice(0, shown - 1).map(describeBox);
  return `${first.join(' or ')} or ${boxes.length - first.length} more conditions`;
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
  return value < 4096n ? `${value}` : hexadecimal(value);
}

function hexadecimal(value: bigint): string {
  return `0x${value.toString(16)}`;
}
