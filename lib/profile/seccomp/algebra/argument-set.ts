import type { SeccompArg } from '../model.ts';

/**
 * A set of values of one 64-bit argument. The four forms are what seccomp conditions can express,
 * and each is closed enough that intersection and complement are short unions of them.
 */
export type ArgumentSet =
  /** low to high, both included. */
  | { readonly form: 'range'; readonly low: bigint; readonly high: bigint }
  /** The values whose low 32 bits lie in low to high, both included; never all values. */
  | { readonly form: 'lowRange'; readonly low: bigint; readonly high: bigint }
  /** Every value but one. */
  | { readonly form: 'except'; readonly value: bigint }
  /** The bits of `mask` are those of `value`; `value` has no others. */
  | { readonly form: 'bits'; readonly mask: bigint; readonly value: bigint };

export const maxValue = 0xffff_ffff_ffff_ffffn;
/** The low half of an argument. */
export const word = 0xffff_ffffn;

export function point(value: bigint): ArgumentSet {
  return { form: 'range', low: value, high: value };
}

/**
 * Returns the values that a condition matches: undefined for all of them, `none` for no value.
 * libseccomp cuts `valueTwo` to the mask, so a masked comparison with stray bits matches
 * nevertheless.
 */
export function argumentSet(arg: SeccompArg): ArgumentSet | undefined | 'none' {
  const { value } = arg;
  switch (arg.op) {
    case 'SCMP_CMP_EQ':
      return point(value);
    case 'SCMP_CMP_NE':
      return { form: 'except', value };
    case 'SCMP_CMP_LT':
      return value === 0n ? 'none' : { form: 'range', low: 0n, high: value - 1n };
    case 'SCMP_CMP_LE':
      return value === maxValue ? undefined : { form: 'range', low: 0n, high: value };
    case 'SCMP_CMP_GE':
      return value === 0n ? undefined : { form: 'range', low: value, high: maxValue };
    case 'SCMP_CMP_GT':
      return value === maxValue ? 'none' : { form: 'range', low: value + 1n, high: maxValue };
    case 'SCMP_CMP_MASKED_EQ':
      return bits(value, (arg.valueTwo ?? 0n) & value);
  }
}

/**
 * Returns the set of a masked comparison. A mask of leading bits, of all or of the low half, makes
 * it a range, whose complement is simpler.
 */
function bits(mask: bigint, value: bigint): ArgumentSet | undefined {
  if (mask === 0n) return undefined;
  const rest = maxValue ^ mask;
  if ((rest & (rest + 1n)) === 0n) return { form: 'range', low: value, high: value | rest };
  const lowRest = rest & word;
  return mask <= word && (lowRest & (lowRest + 1n)) === 0n
    ? { form: 'lowRange', low: value, high: value | lowRest }
    : { form: 'bits', mask, value };
}

export function containsValue(set: ArgumentSet, value: bigint): boolean {
  if (set.form === 'range') return set.low <= value && value <= set.high;
  if (set.form === 'lowRange') return set.low <= (value & word) && (value & word) <= set.high;
  if (set.form === 'except') return value !== set.value;
  return (value & set.mask) === set.value;
}

/** Returns the one value of a set that has only one. */
function onlyValue(set: ArgumentSet): bigint | undefined {
  return set.form === 'range' && set.low === set.high ? set.low : undefined;
}

/**
 * Reports whether two sets have no value in common, if that is quickly seen; intersectSets knows
 * for sure.
 */
export function obviouslyDisjoint(a: ArgumentSet, b: ArgumentSet): boolean {
  if (a.form === 'range' && b.form === 'range') return a.high < b.low || b.high < a.low;
  if (a.form === 'lowRange' && b.form === 'lowRange') return a.high < b.low || b.high < a.low;
  if (a.form === 'bits' && b.form === 'bits') return (a.value & b.mask) !== (b.value & a.mask);
  const only = onlyValue(a);
  if (only !== undefined) return !containsValue(b, only);
  const other = onlyValue(b);
  return other !== undefined && !containsValue(a, other);
}

/** Reports whether intersectSets takes a walk over all bits for the two. */
export function isCostly(a: ArgumentSet, b: ArgumentSet): boolean {
  return a.form !== b.form && (isMasked(a) || isMasked(b));
}

function isMasked({ form }: ArgumentSet): boolean {
  return form === 'bits' || form === 'lowRange';
}

/** Returns the values in both sets, as a union, which may be empty. */
export function intersectSets(a: ArgumentSet, b: ArgumentSet): readonly ArgumentSet[] {
  const onlyA = onlyValue(a);
  if (onlyA !== undefined) return containsValue(b, onlyA) ? [a] : [];
  const onlyB = onlyValue(b);
  if (onlyB !== undefined) return containsValue(a, onlyB) ? [b] : [];
  if (a.form === 'except') return without(b, a.value);
  if (b.form === 'except') return without(a, b.value);
  if (a.form === 'range' && b.form === 'range') {
    const { low } = a.low < b.low ? b : a;
    const { high } = b.high < a.high ? b : a;
    return low <= high ? [{ form: 'range', low, high }] : [];
  }
  if (a.form === 'lowRange') return intersectLowRange(a, b);
  if (b.form === 'lowRange') return intersectLowRange(b, a);
  if (a.form === 'range') return b.form === 'bits' ? maskRange(a, b) : [];
  if (b.form === 'range') return maskRange(b, a);
  if ((a.value & b.mask) !== (b.value & a.mask)) return [];
  const both = bits(a.mask | b.mask, a.value | b.value);
  return both === undefined ? [] : [both];
}

function intersectLowRange(set: LowRange, other: LowRange | Range | Bits): readonly ArgumentSet[] {
  if (other.form === 'bits') return alignedBlocks(set).flatMap((block) => intersectSets(bitsOf(block), other));
  const low = set.low < other.low ? other.low : set.low;
  if (other.form === 'lowRange') return lowRanges(low, other.high < set.high ? other.high : set.high);
  if (other.high <= word) return intersectSets(other, { ...set, form: 'range' });
  const above: Range = { ...other, low: other.low > word ? other.low : word + 1n };
  const inAbove = (part: LowRange) => alignedBlocks(part).flatMap((block) => maskRange(above, bitsOf(block)));
  if (other.high < maxValue || other.low > word) {
    return [...intersectSets(other, { ...set, form: 'range' }), ...inAbove(set)];
  }
  // If a range has no end, every value counts whose low half is in it: only what lies before needs
  // a walk.
  const before = other.low <= set.high ? other.low - 1n : set.high;
  return [...lowRanges(low, set.high), ...lowRanges(set.low, before).flatMap(inAbove)];
}

/** Returns a range of low halves as a list, which is empty if it ends before it begins. */
function lowRanges(low: bigint, high: bigint): readonly LowRange[] {
  return low <= high ? [{ form: 'lowRange', low, high }] : [];
}

/** Returns a block of low halves as the masked comparison that it is. */
function bitsOf({ low, high }: LowRange): Bits {
  return { form: 'bits', mask: word ^ (high - low), value: low };
}

/**
 * Returns the values of a range that a mask lets through: halves of all values, and halves of
 * those, down to blocks that lie in the range as a whole. If the mask sets the bit in which the
 * halves differ, only one of them counts.
 */
function maskRange({ low, high }: Range, { mask, value }: Bits): readonly ArgumentSet[] {
  const parts: ArgumentSet[] = [];
  const visit = (start: bigint, size: bigint): void => {
    const end = start + (size - 1n);
    if (end < low || high < start) return;
    if (low <= start && end <= high) {
      const part = bits(mask | (maxValue ^ (size - 1n)), start | value);
      if (part !== undefined) parts.push(part);
      return;
    }
    const half = size >> 1n;
    if ((mask & half) === 0n) {
      visit(start, half);
      visit(start | half, half);
    } else {
      visit(start | (value & half), half);
    }
  };
  visit(0n, 1n << 64n);
  return parts;
}

function without(set: ArgumentSet, value: bigint): readonly ArgumentSet[] {
  if (!containsValue(set, value)) return [set];
  switch (set.form) {
    case 'range': {
      const parts: ArgumentSet[] = [];
      if (set.low < value) parts.push({ form: 'range', low: set.low, high: value - 1n });
      if (value < set.high) parts.push({ form: 'range', low: value + 1n, high: set.high });
      return parts;
    }
    case 'except': {
      const [first, last] = set.value < value ? [set.value, value] : [value, set.value];
      const parts: ArgumentSet[] = [];
      if (first > 0n) parts.push({ form: 'range', low: 0n, high: first - 1n });
      if (last - first > 1n) parts.push({ form: 'range', low: first + 1n, high: last - 1n });
      if (last < maxValue) parts.push({ form: 'range', low: last + 1n, high: maxValue });
      return parts;
    }
    case 'lowRange': {
      const low = value & word;
      const alike = flippedBits(maxValue ^ word, value).flatMap((flipped) =>
        intersectSets(flipped, bitsOf({ ...set, low, high: low })),
      );
      return [...lowRanges(set.low, low - 1n), ...lowRanges(low + 1n, set.high), ...alike];
    }
    case 'bits':
      return flippedBits(maxValue ^ set.mask, value).flatMap((flipped) => intersectSets(set, flipped));
  }
}

/** Returns the values outside the set, as a union. */
export function complementSet(set: ArgumentSet): readonly ArgumentSet[] {
  switch (set.form) {
    case 'range': {
      if (set.low === set.high) return [{ form: 'except', value: set.low }];
      const parts: ArgumentSet[] = [];
      if (set.low > 0n) parts.push({ form: 'range', low: 0n, high: set.low - 1n });
      if (set.high < maxValue) parts.push({ form: 'range', low: set.high + 1n, high: maxValue });
      return parts;
    }
    case 'lowRange':
      return [...lowRanges(0n, set.low - 1n), ...lowRanges(set.high + 1n, word)];
    case 'except':
      return [point(set.value)];
    case 'bits':
      return flippedBits(set.mask, set.value);
  }
}

/**
 * Returns for each bit of `mask` the values in which it is not as in `value`; together: all that
 * differ within the mask.
 */
function flippedBits(mask: bigint, value: bigint): readonly Bits[] {
  const sets: Bits[] = [];
  for (let bit = 1n; bit <= mask; bit <<= 1n) {
    if ((mask & bit) !== 0n) sets.push({ form: 'bits', mask: bit, value: bit & ~value });
  }
  return sets;
}

/** Reports whether a set is one masked comparison or one point already. */
export function isBlock(set: ArgumentSet): boolean {
  if (set.form === 'lowRange') return isAligned(set);
  return set.form === 'bits' || onlyValue(set) !== undefined;
}

/**
 * Reports whether a range's length is a power of two that divides its start: then one masked
 * comparison expresses it.
 */
function isAligned({ low, high }: Range | LowRange): boolean {
  const size = high - low + 1n;
  return (size & (size - 1n)) === 0n && (low & (size - 1n)) === 0n;
}

/**
 * Returns a set as a union of masked comparisons and points, which libseccomp joins reliably; a
 * range becomes aligned blocks.
 */
export function blocks(set: ArgumentSet): readonly ArgumentSet[] {
  if (set.form === 'bits' || isBlock(set)) return [set];
  if (set.form === 'except') return flippedBits(maxValue, set.value);
  return alignedBlocks(set);
}

type Range = Extract<ArgumentSet, { form: 'range' }>;
type LowRange = Extract<ArgumentSet, { form: 'lowRange' }>;
type Bits = Extract<ArgumentSet, { form: 'bits' }>;

/** Returns a range as ranges that each are one masked comparison. */
function alignedBlocks<Form extends Range | LowRange>(range: Form): readonly Form[] {
  const parts: Form[] = [];
  let { low } = range;
  while (low <= range.high) {
    let size: bigint = low === 0n ? 1n << 64n : low & -low;
    while (low + size - 1n > range.high) size >>= 1n;
    parts.push({ ...range, low, high: low + size - 1n });
    low += size;
  }
  return parts;
}

/** Reports whether every value of `inner` is in `outer`; false if that is not obvious. */
export function includesSet(outer: ArgumentSet, inner: ArgumentSet): boolean {
  const only = onlyValue(inner);
  if (only !== undefined) return containsValue(outer, only);
  if (outer.form === 'range') {
    if (inner.form === 'except') return false;
    const { low, high } = boundsOf(inner);
    return outer.low <= low && high <= outer.high;
  }
  if (outer.form === 'except') return !containsValue(inner, outer.value);
  if (inner.form === 'except') return false;
  if (outer.form === 'lowRange') {
    const { low, high } = lowBoundsOf(inner);
    return outer.low <= low && high <= outer.high;
  }
  if (inner.form === 'range') {
    // The bits up to the highest one in which its ends differ have all values.
    const varying = (1n << BigInt((inner.low ^ inner.high).toString(2).length)) - 1n;
    return (outer.mask & varying) === 0n && (inner.low & outer.mask) === outer.value;
  }
  const block = inner.form === 'lowRange' && isAligned(inner) ? bitsOf(inner) : inner;
  if (block.form !== 'bits') return false;
  return (block.mask & outer.mask) === outer.mask && (block.value & outer.mask) === outer.value;
}

/** Returns the least and the greatest value. */
function boundsOf(set: LowRange | Range | Bits): { readonly low: bigint; readonly high: bigint } {
  if (set.form === 'range') return set;
  if (set.form === 'bits') return { low: set.value, high: set.value | (maxValue ^ set.mask) };
  return { low: set.low, high: (maxValue ^ word) | set.high };
}

/** Returns the least and the greatest low half. */
function lowBoundsOf(set: LowRange | Range | Bits): { readonly low: bigint; readonly high: bigint } {
  if (set.form === 'lowRange') return set;
  const { low, high } = boundsOf(set);
  if (set.form === 'range') return high <= word ? set : { low: 0n, high: word };
  return { low: low & word, high: high & word };
}

/**
 * Reports whether the set's condition has a number beyond 32 bits. On 32-bit architectures
 * libseccomp compares the low halves only, so that such a condition means something else there.
 */
export function isWide(set: ArgumentSet): boolean {
  if (set.form === 'range') return set.low > word || (set.high > word && set.high !== maxValue);
  return set.form !== 'lowRange' && set.value > word;
}

/** Reports whether upper halves matter to the set's condition. */
export function hasUpperHalf(set: ArgumentSet): boolean {
  return set.form === 'bits' ? set.mask > word : set.form !== 'lowRange';
}

/**
 * Returns what is left for 32-bit programs of a set that is no wide range: only low halves are
 * compared. Undefined for all values.
 */
export function cutSet(set: ArgumentSet): ArgumentSet | undefined {
  if (set.form === 'range' || set.form === 'lowRange') return set;
  if (set.form === 'except') return { form: 'except', value: set.value & word };
  return (set.mask & word) === 0n ? undefined : { form: 'bits', mask: set.mask & word, value: set.value & word };
}

/**
 * Returns one set as one condition, or undefined if it takes several. SCMP_CMP_LE is not used:
 * libseccomp 2.5 turns it round on 32-bit architectures.
 */
export function conditionOf(index: number, set: ArgumentSet): SeccompArg | undefined {
  switch (set.form) {
    case 'except':
      return { index, value: set.value, op: 'SCMP_CMP_NE' };
    case 'bits':
      return { index, value: set.mask, valueTwo: set.value, op: 'SCMP_CMP_MASKED_EQ' };
    case 'lowRange':
      return isAligned(set) ? conditionOf(index, bitsOf(set)) : undefined;
    case 'range':
      if (set.low === set.high) return { index, value: set.low, op: 'SCMP_CMP_EQ' };
      if (isAligned(set)) {
        return { index, value: maxValue ^ (set.high - set.low), valueTwo: set.low, op: 'SCMP_CMP_MASKED_EQ' };
      }
      if (set.high === maxValue) return { index, value: set.low, op: 'SCMP_CMP_GE' };
      return set.low === 0n ? { index, value: set.high + 1n, op: 'SCMP_CMP_LT' } : undefined;
  }
}
