/** Keeps the most recently used values by name, up to a total number of bytes. */
export class BoundedMemory<T> {
  readonly #limit: number;
  readonly #sizeOf: (value: T) => number;
  readonly #held = new Map<string, T>();
  #bytes = 0;

  constructor(limit: number, sizeOf: (value: T) => number) {
    this.#limit = limit;
    this.#sizeOf = sizeOf;
  }

  recall(name: string): T | undefined {
    const value = this.#held.get(name);
    if (value !== undefined) {
      // Moved to the end: the least recently used is the first to go.
      this.#held.delete(name);
      this.#held.set(name, value);
    }
    return value;
  }

  /** Remembers a value, unless it alone is too large: it would drive all others out, and itself. */
  remember(name: string, value: T): void {
    this.#drop(name);
    const size = this.#sizeOf(value);
    if (size > this.#limit) return;
    this.#held.set(name, value);
    this.#bytes += size;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    const value = this.#held.get(name);
    if (value === undefined) return;
    this.#held.delete(name);
    this.#bytes -= this.#sizeOf(value);
  }
}
