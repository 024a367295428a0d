import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Values of different content that are known. */
const mostKnown = 2000;

/** Holds equal values once, unless thousands of others were shared between them. */
export class SharedValues<T extends object> {
  /** By the digest of their content. */
  readonly #known = new LRUCache<string, T>({ max: mostKnown });

  /** Returns the equal value of an earlier call, or else this one, which must not change. */
  share(value: T): T {
    const digest = hash('sha256', JSON.stringify(value, entriesOfMaps), 'base64');
    const known = this.#known.get(digest) ?? value;
    this.#known.set(digest, known);
    return known;
  }
}

function entriesOfMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
