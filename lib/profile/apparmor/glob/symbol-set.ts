/**
 * A set of bytes, for automata over path names. AppArmor matches bytes; validated globs name only
 * printable ASCII, or "all but" some of it, so that every other byte behaves the same. The alphabet
 * is therefore 96 symbols: 0x20 to 0x7e, and one that stands for all the rest (control characters
 * and whatever is not ASCII). NUL is in no path name.
 */
export interface SymbolSet {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

const first = 0x20;
const last = 0x7e;
const other = 95;

/** Returns the symbols of a path name: one for each byte. */
export function symbolsOf(name: string): readonly number[] {
  const symbols: number[] = [];
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code > 0x7f) return Array.from(new TextEncoder().encode(name), symbolOf);
    symbols.push(symbolOf(code));
  }
  return symbols;
}

function symbolOf(byte: number): number {
  return byte >= first && byte <= last ? byte - first : other;
}

export const noSymbol: SymbolSet = { low: 0, middle: 0, high: 0 };
export const anySymbol: SymbolSet = complement(noSymbol);
export const slash: SymbolSet = singleton('/');
/** What `*` and `?` match. */
export const notSlash: SymbolSet = complement(slash);

export function singleton(character: string): SymbolSet {
  return fromSymbol(symbolOf(character.charCodeAt(0)));
}

function fromSymbol(symbol: number): SymbolSet {
  const bit = 1 << (symbol & 31);
  if (symbol < 32) return { low: bit, middle: 0, high: 0 };
  if (symbol < 64) return { low: 0, middle: bit, high: 0 };
  return { low: 0, middle: 0, high: bit };
}

export function union(a: SymbolSet, b: SymbolSet): SymbolSet {
  return { low: a.low | b.low, middle: a.middle | b.middle, high: a.high | b.high };
}

export function intersection(a: SymbolSet, b: SymbolSet): SymbolSet {
  return { low: a.low & b.low, middle: a.middle & b.middle, high: a.high & b.high };
}

export function difference(a: SymbolSet, b: SymbolSet): SymbolSet {
  return { low: a.low & ~b.low, middle: a.middle & ~b.middle, high: a.high & ~b.high };
}

export function complement(a: SymbolSet): SymbolSet {
  return { low: ~a.low, middle: ~a.middle, high: ~a.high };
}

export function isEmpty(a: SymbolSet): boolean {
  return (a.low | a.middle | a.high) === 0;
}

/** Reports whether the set holds exactly one symbol. */
export function isSingle({ low, middle, high }: SymbolSet): boolean {
  if ((low !== 0 ? 1 : 0) + (middle !== 0 ? 1 : 0) + (high !== 0 ? 1 : 0) !== 1) return false;
  const word = low | middle | high;
  return (word & (word - 1)) === 0;
}

export function meets(a: SymbolSet, b: SymbolSet): boolean {
  return ((a.low & b.low) | (a.middle & b.middle) | (a.high & b.high)) !== 0;
}

export function isSubset(a: SymbolSet, b: SymbolSet): boolean {
  return ((a.low & ~b.low) | (a.middle & ~b.middle) | (a.high & ~b.high)) === 0;
}

export function isSame(a: SymbolSet, b: SymbolSet): boolean {
  return a.low === b.low && a.middle === b.middle && a.high === b.high;
}

export function hasSymbol(a: SymbolSet, symbol: number): boolean {
  const word = symbol < 32 ? a.low : symbol < 64 ? a.middle : a.high;
  return ((word >>> (symbol & 31)) & 1) === 1;
}

/**
 * Reports whether the set holds the bytes that are not printable ASCII: then it is written as "all
 * but".
 */
export function holdsOther(a: SymbolSet): boolean {
  return hasSymbol(a, other);
}

/** Returns the printable characters of a set, in their order. */
export function printableMembers(a: SymbolSet): string[] {
  const members: string[] = [];
  for (let symbol = 0; symbol < other; symbol++) {
    if (hasSymbol(a, symbol)) members.push(String.fromCharCode(symbol + first));
  }
  return members;
}
