/** What is held of one object at least: its keys, versions and places in maps. */
const overhead = 500;

/**
 * Returns about how many bytes of memory a value of JSON takes. A text has a header, and so has
 * each object: many short texts take several times as much as their JSON.
 */
export function memoryOf(value: unknown): number {
  if (typeof value === 'string') return 24 + value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = 40;
  if (Array.isArray(value)) for (const each of value) bytes += 8 + memoryOf(each);
  else for (const [key, each] of Object.entries(value)) bytes += 32 + key.length + memoryOf(each);
  return bytes;
}

/**
 * Counts what is held of the objects of each namespace, and names the namespaces with the most when
 * it is too much in total: the owner of one namespace cannot take the memory of the others.
 */
export class NamespaceShares {
  readonly #most: number;
  /** Bytes by key, of each namespace. Those without one have an empty one. */
  readonly #namespaces = new Map<string, { bytes: number; readonly objects: Map<string, number> }>();
  readonly #released = new Set<string>();
  #total = 0;

  /** @param most bytes in total. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The namespaces of which nothing is held, because they had the most when it was too much. */
  get released(): ReadonlySet<string> {
    return this.#released;
  }

  /** Counts an object that takes `bytes`, in place of what it took before. */
  set(namespace: string, key: string, bytes: number): void {
    this.delete(namespace, key);
    const share = this.#namespaces.get(namespace) ?? { bytes: 0, objects: new Map() };
    this.#namespaces.set(namespace, share);
    share.objects.set(key, overhead + bytes);
    share.bytes += overhead + bytes;
    this.#total += overhead + bytes;
  }

  delete(namespace: string, key: string): void {
    const share = this.#namespaces.get(namespace);
    const bytes = share?.objects.get(key);
    if (share === undefined || bytes === undefined) return;
    share.objects.delete(key);
    share.bytes -= bytes;
    this.#total -= bytes;
    if (share.objects.size === 0) this.#namespaces.delete(namespace);
  }

  /**
   * Returns the namespace that has the most, if it is too much in total, with the keys of its
   * objects: nothing of it may be held from now on.
   */
  release(): { readonly namespace: string; readonly keys: readonly string[]; readonly bytes: number } | undefined {
    if (this.#total <= this.#most) return undefined;
    const [largest] = [...this.#namespaces].toSorted(([, a], [, b]) => b.bytes - a.bytes);
    if (largest === undefined) return undefined;
    const [namespace, { bytes, objects }] = largest;
    this.#namespaces.delete(namespace);
    this.#released.add(namespace);
    this.#total -= bytes;
    return { namespace, keys: [...objects.keys()], bytes };
  }

  /** Lets all namespaces be held again. */
  readmit(): void {
    this.#released.clear();
  }
}
