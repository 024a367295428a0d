import type { JsonLimits } from './read-json.ts';
import { nextHash, type WordTable } from './word-table.ts';

/** Thrown if a text is not JSON, or is written in an unusual way; readJson then decides. */
export const unusual = Symbol('unusual');

const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const QUOTE = 0x22;
const brace = { open: 0x7b, close: 0x7d };
const bracket = { open: 0x5b, close: 0x5d };

/** A bigint is made five times as fast by writing its halves as by BigInt(). */
const halves = new Uint32Array(2);
const whole = new BigUint64Array(halves.buffer);
const low = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const maxUint64 = 0xffff_ffff_ffff_ffffn;

/**
 * Reads JSON from its bytes, piece by piece, for readers that know which pieces come: nothing is
 * made but what they ask for. It accepts nothing that readJson would refuse, if they read the
 * document to its end and mind duplicate names.
 */
export class JsonScanner {
  readonly #bytes: Buffer;
  readonly #limits: JsonLimits;
  readonly #words: WordTable;
  #at = 0;
  #depth = 0;
  #values = 0;
  /** Where the last string stood, without its quotes. */
  #from = 0;
  #to = 0;

  /** @param bytes valid UTF-8. */
  constructor(bytes: Uint8Array, limits: JsonLimits, words: WordTable) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#limits = limits;
    this.#words = words;
  }

  /** Goes into an object; false if it is empty, and left again. */
  enterObject(): boolean {
    return this.#enter(brace.open, brace.close);
  }

  /** After a member: true before the next one, false after the object. */
  hasMoreMembers(): boolean {
    return this.#hasMore(brace.close);
  }

  /** Goes into an array; false if it is empty, and left again. */
  enterArray(): boolean {
    return this.#enter(bracket.open, bracket.close);
  }

  /** After an item: true before the next one, false after the array. */
  hasMoreItems(): boolean {
    return this.#hasMore(bracket.close);
  }

  /** Returns the number of a member's name in the table of words. */
  name(): number {
    const word = this.#word();
    if (this.#next() !== COLON) throw unusual;
    this.#at += 1;
    return word;
  }

  /** Returns the number of a string in the table of words. */
  word(): number {
    this.#count();
    return this.#word();
  }

  /** Returns a string that is not expected again. */
  text(): string {
    this.#count();
    this.#plainString();
    return this.#bytes.toString('latin1', this.#from, this.#to);
  }

  /** Returns a whole number below 2^53. */
  integer(): number {
    this.#count();
    const start = this.#digits();
    const value = this.#numberFrom(start);
    if (value === undefined) throw unusual;
    return value;
  }

  /** Returns a whole number below 2^64. */
  bigInteger(): bigint {
    this.#count();
    const start = this.#digits();
    const value = this.#numberFrom(start);
    if (value === undefined) return this.#bigFrom(start);
    halves[low] = value >>> 0;
    halves[1 - low] = value / 0x1_0000_0000;
    return whole[0] as bigint;
  }

  /** Passes a null, if that comes next. */
  passNull(): boolean {
    if (this.#next() !== 0x6e) return false;
    this.#count();
    this.#literal('null');
    return true;
  }

  /** After the value of the document. */
  end(): void {
    this.#next();
    if (this.#at < this.#bytes.length) throw unusual;
  }

  /** Returns the first byte after white space, which comes next; 0 at the end. */
  #next(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < bytes.length) {
      const byte = bytes[at] as number;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) {
        this.#at = at;
        return byte;
      }
      at += 1;
    }
    this.#at = at;
    return 0;
  }

  #enter(opening: number, closing: number): boolean {
    this.#count();
    if (this.#next() !== opening) throw unusual;
    this.#at += 1;
    if (this.#next() === closing) {
      this.#at += 1;
      return false;
    }
    this.#depth += 1;
    return true;
  }

  #hasMore(closing: number): boolean {
    const byte = this.#next();
    this.#at += 1;
    if (byte === COMMA) return true;
    if (byte !== closing) throw unusual;
    this.#depth -= 1;
    return false;
  }

  /** Each value counts, whether it is looked at or not. */
  #count(): void {
    this.#values += 1;
    if (this.#values > this.#limits.values || this.#depth >= this.#limits.depth) throw unusual;
  }

  #word(): number {
    const hash = this.#plainString();
    const word = this.#words.numberOf(this.#bytes, this.#from, this.#to, hash);
    if (word < 0) throw unusual;
    return word;
  }

  /** Passes a string of ASCII without escapes, and returns its hash. */
  #plainString(): number {
    if (this.#next() !== QUOTE) throw unusual;
    const bytes = this.#bytes;
    const start = this.#at + 1;
    let hash = 0;
    for (let at = start; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        this.#from = start;
        this.#to = at;
        this.#at = at + 1;
        return hash;
      }
      if (byte < 0x20 || byte >= 0x80 || byte === BACKSLASH) throw unusual;
      hash = nextHash(hash, byte);
    }
    throw unusual;
  }

  /** Passes the digits of a whole number, and returns the offset of the first. */
  #digits(): number {
    const first = this.#next();
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let byte = first;
    while (byte >= 0x30 && byte <= 0x39) byte = bytes[++at] ?? 0;
    if (at === start || (first === 0x30 && at > start + 1)) throw unusual;
    // A fraction or an exponent: 1.0 and 1e3 are whole numbers for no reader of profiles.
    if (byte === 0x2e || byte === 0x45 || byte === 0x65) throw unusual;
    this.#at = at;
    return start;
  }

  /**
   * Returns the number of the digits from `start` on; undefined if they may be more than a number
   * holds.
   */
  #numberFrom(start: number): number | undefined {
    const end = this.#at;
    if (end - start > 15) return undefined;
    let value = 0;
    for (let at = start; at < end; at += 1) value = value * 10 + ((this.#bytes[at] as number) - 0x30);
    return value;
  }

  #bigFrom(start: number): bigint {
    if (this.#at - start > 20) throw unusual;
    const value = BigInt(this.#bytes.toString('latin1', start, this.#at));
    if (value > maxUint64) throw unusual;
    return value;
  }

  #literal(word: string): void {
    for (let at = 0; at < word.length; at += 1) {
      if (this.#bytes[this.#at + at] !== word.charCodeAt(at)) throw unusual;
    }
    this.#at += word.length;
  }
}
