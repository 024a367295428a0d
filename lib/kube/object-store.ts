/**
 * Returns the values of an index under which an object is found, such as the names of its nodes:
 * always the same ones for the same object.
 */
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
}

/** Objects by key, with their version, and by the values of indexes. */
export class ObjectStore<T, Index extends string = string> implements ReadableStore<T, Index> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #functions: Readonly<Record<string, IndexFunction<T>>>;
  /**
   * The keys of objects by the value of an index, for each index. Most values have one object, for
   * which a set takes ten times as much memory.
   */
  readonly #indexes = new Map<string, Map<string, string | Set<string>>>();

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
    const all = typeof keys === 'string' ? [keys] : [...keys];
    return all.map((key) => this.get(key)).filter((object) => object !== undefined);
  }

  /** Returns the version of an object, if it is held. */
  version(key: string): string | undefined {
    return this.#entries.get(key)?.version;
  }

  /** Holds an object. Throws what the function of an index throws; then nothing has changed. */
  set(key: string, version: string, object: T): void {
    const indexed = this.#indexed(object);
    this.delete(key);
    this.#entries.set(key, { version, object });
    for (const [values, value] of indexed) {
      const held = values.get(value);
      if (held === undefined) values.set(value, key);
      else if (typeof held !== 'string') held.add(key);
      else if (held !== key) values.set(value, new Set([held, key]));
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    for (const [values, value] of this.#indexed(entry.object)) {
      const held = values.get(value);
      if (typeof held === 'object') held.delete(key);
      if (held === key || (typeof held === 'object' && held.size === 0)) values.delete(value);
    }
    this.#entries.delete(key);
  }

  /** Returns the values of an object, each with the index that it belongs to. */
  #indexed(object: T): (readonly [Map<string, string | Set<string>>, string])[] {
    return [...this.#indexes].flatMap(([index, values]) =>
      (this.#functions[index]?.(object) ?? []).map((value) => [values, value] as const),
    );
  }
}
