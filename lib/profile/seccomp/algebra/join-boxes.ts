import type { ArgumentSet } from './argument-set.ts';
import { word } from './argument-set.ts';
import type { Box, Side } from './box.ts';

type LowRange = Extract<ArgumentSet, { form: 'lowRange' }>;

/**
 * Returns the same calls in fewer boxes: a profile writes a range of low halves as aligned blocks,
 * 32 of them for all values but one, and an argument that may be anything as two bits (see align).
 * Only for text; libseccomp needs them as they are.
 */
export function joinBoxes(boxes: readonly Box[]): readonly Box[] {
  // Most conditions compare whole values, which are never joined.
  if (!boxes.some((box) => box.some(isJoinable))) return boxes;
  let joined = boxes;
  for (;;) {
    const { length } = joined;
    for (let index = 0; index < 6; index += 1) joined = joinAlong(joined, index);
    if (joined.length === length) return joined;
  }
}

/** Boxes that differ in the low halves, or the bits, of one argument only. */
interface Group {
  readonly others: Box;
  readonly sets: ArgumentSet[];
}

function joinAlong(boxes: readonly Box[], index: number): readonly Box[] {
  if (boxes.filter((box) => joinableSet(box, index) !== undefined).length < 2) return boxes;
  const groups = new Map<string, Group>();
  const parts: (Group | Box)[] = [];
  for (const box of boxes) {
    const own = joinableSet(box, index);
    if (own === undefined) {
      parts.push(box);
      continue;
    }
    const others = box.filter((side) => side.index !== index);
    const key = others.map((side) => `${side.index} ${Object.values(side.set).join(' ')}`).join();
    const group = groups.get(key) ?? { others, sets: [] };
    if (group.sets.length === 0) parts.push(group);
    groups.set(key, group);
    group.sets.push(own);
  }
  return parts.flatMap((part) => {
    if (!('sets' in part)) return [part];
    const joined = joinSets(part.sets);
    if (joined === undefined) return [part.others];
    return joined.map((set) => [...part.others, { index, set }].sort((a, b) => a.index - b.index));
  });
}

/**
 * Returns the condition of a box on an argument, if it can be joined with those of others: a range
 * of low halves, or one bit.
 */
function joinableSet(box: Box, index: number): ArgumentSet | undefined {
  for (const side of box) {
    if (side.index !== index) continue;
    return isJoinable(side) ? side.set : undefined;
  }
  return undefined;
}

function isJoinable({ set }: Side): boolean {
  return set.form === 'lowRange' || (set.form === 'bits' && isOneBit(set.mask));
}

/** Returns fewer sets with the same values; undefined if they have all values. */
function joinSets(sets: readonly ArgumentSet[]): readonly ArgumentSet[] | undefined {
  const clear = new Set(sets.map((set) => (set.form === 'bits' && set.value === 0n ? set.mask : undefined)));
  // Of two values of one bit an argument has one.
  if (sets.some((set) => set.form === 'bits' && set.value !== 0n && clear.has(set.mask))) return undefined;
  const ranges = joinRanges(sets.filter((set) => set.form === 'lowRange'));
  if (ranges.some(({ low, high }) => low === 0n && high === word)) return undefined;
  return [...ranges, ...sets.filter((set) => set.form !== 'lowRange')];
}

function isOneBit(value: bigint): boolean {
  return value !== 0n && (value & (value - 1n)) === 0n;
}

function joinRanges(ranges: readonly LowRange[]): readonly LowRange[] {
  const joined: LowRange[] = [];
  for (const range of ranges.toSorted((a, b) => (a.low < b.low ? -1 : 1))) {
    const last = joined.at(-1);
    if (last === undefined || range.low > last.high + 1n) joined.push(range);
    else if (range.high > last.high) joined[joined.length - 1] = { ...last, high: range.high };
  }
  return joined;
}
