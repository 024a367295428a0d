import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { FairleadError } from '#lib/errors';

/** Values of different content that are known. */
const mostKnown = 2000;

/** Holds equal values once, unless thousands of others were shared between them. */
export class SharedValues<T extends object> {
  /** By the digest of their content. */
  readonly #known = new LRUCache<string, T>({ max: mostKnown });
  readonly #mostLength: number;

  /** @param mostLength most characters of a value as JSON. */
  constructor(mostLength: number) {
    this.#mostLength = mostLength;
  }

  /**
   * Returns the equal value of an earlier call, or else this one, which must not change. Throws
   * LimitExceeded if it is too large to be held.
   */
  share(value: T): T {
    const text = JSON.stringify(value, entriesOfMaps);
    if (text.length > this.#mostLength) {
      const message = `${text.length} characters would be held: want at most ${this.#mostLength}`;
      throw new FairleadError('LimitExceeded', message);
    }
    const digest = hash('sha256', text, 'base64');
    const known = this.#known.get(digest) ?? value;
    this.#known.set(digest, known);
    return known;
  }
}

function entriesOfMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
