/** At most this many different words are kept; the largest real profiles have a few hundred. */
export const mostWords = 5_120;
const longestWord = 128;
const slots = 16_384;
const empty = -1;
/**
 * The table is given up after this many collisions, so that input made to collide does not keep
 * the reader busy.
 */
const mostCollisions = 16;

/**
 * Numbers for words, which are found by their bytes: profiles repeat the same few hundred words ten
 * thousand times, so that a text needs to be made of each of them only once.
 */
export class WordTable {
  readonly #words: string[];
  readonly #slots: Int16Array;

  private constructor(words: string[], slotsOfWords: Int16Array) {
    this.#words = words;
    this.#slots = slotsOfWords;
  }

  /** Returns a table of ASCII words, which have the numbers from 0 on. */
  static of(words: readonly string[]): WordTable {
    const table = new WordTable([], new Int16Array(slots).fill(empty));
    for (const word of words) {
      const bytes = Buffer.from(word);
      table.numberOf(bytes, 0, bytes.length, bytes.reduce(nextHash, 0));
    }
    return table;
  }

  /** Returns a table with the same words, to which others are added. */
  copy(): WordTable {
    return new WordTable(this.#words.slice(), this.#slots.slice());
  }

  /**
   * Returns the number of the word in `bytes`, which are ASCII, from `start` to before `end`. A
   * word that is new gets the next.
   *
   * @param hash what nextHash made of its bytes, from 0.
   * @returns -1 for a word that is too long, or if there are too many.
   */
  numberOf(bytes: Buffer, start: number, end: number, hash: number): number {
    let slot = (hash ^ (hash >>> 15)) & (slots - 1);
    for (let collisions = 0; collisions < mostCollisions; collisions += 1) {
      const number = this.#slots[slot] as number;
      if (number === empty) return this.#add(slot, bytes, start, end);
      if (isWord(this.#words[number] as string, bytes, start, end)) return number;
      slot = (slot + 1) & (slots - 1);
    }
    return -1;
  }

  wordOf(number: number): string {
    return this.#words[number] as string;
  }

  #add(slot: number, bytes: Buffer, start: number, end: number): number {
    if (this.#words.length >= mostWords || end - start > longestWord) return -1;
    this.#slots[slot] = this.#words.length;
    return this.#words.push(bytes.toString('latin1', start, end)) - 1;
  }
}

/** Returns the next value of FNV-1a, byte by byte. */
export function nextHash(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

function isWord(word: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let at = 0; at < word.length; at += 1) if (word.charCodeAt(at) !== bytes[start + at]) return false;
  return true;
}
