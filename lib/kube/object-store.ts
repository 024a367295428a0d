/** The values of an index under which an object is found, such as the names of its nodes. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Objects that are held in memory; see {@link ObjectStore}. */
export interface ReadableStore<T, Index extends string = string> {
  readonly size: number;
  get(key: string): T | undefined;
  keys(): IterableIterator<string>;
  values(): IterableIterator<T>;
  /** Returns the objects for which the function of an index returns `value`. */
  byIndex(index: Index, value: string): readonly T[];
}

interface Entry<T> {
  readonly version: string;
  readonly object: T;
  readonly indexed: ReadonlyMap<string, readonly string[]>;
}

/** Objects by key, with their version, and by the values of indexes. */
export class ObjectStore<T, Index extends string = string> implements ReadableStore<T, Index> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #functions: Readonly<Record<string, IndexFunction<T>>>;
  /** The keys of objects by the value of an index, for each index. */
  readonly #indexes = new Map<string, Map<string, Set<string>>>();

  constructor(indexes: Readonly<Record<Index, IndexFunction<T>>>) {
    this.#functions = indexes;
    for (const index of Object.keys(indexes)) this.#indexes.set(index, new Map());
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.object;
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  *values(): IterableIterator<T> {
    for (const { object } of this.#entries.values()) yield object;
  }

  byIndex(index: Index, value: string): readonly T[] {
    const keys = this.#indexes.get(index)?.get(value) ?? [];
    return Array.from(keys, (key) => this.get(key)).filter((object) => object !== undefined);
  }

  /** Returns the version of an object, if it is held. */
  version(key: string): string | undefined {
    return this.#entries.get(key)?.version;
  }

  /** Holds an object. Throws what the function of an index throws; then nothing has changed. */
  set(key: string, version: string, object: T): void {
    const indexed = new Map(Object.entries(this.#functions).map(([index, values]) => [index, values(object)]));
    this.delete(key);
    this.#entries.set(key, { version, object, indexed });
    for (const [index, values] of indexed) for (const value of values) this.#keysOf(index, value).add(key);
  }

  delete(key: string): void {
    for (const [index, values] of this.#entries.get(key)?.indexed ?? []) {
      for (const value of values) {
        const keys = this.#keysOf(index, value);
        keys.delete(key);
        if (keys.size === 0) this.#indexes.get(index)?.delete(value);
      }
    }
    this.#entries.delete(key);
  }

  #keysOf(index: string, value: string): Set<string> {
    const values = this.#indexes.get(index);
    const keys = values?.get(value) ?? new Set();
    values?.set(value, keys);
    return keys;
  }
}
