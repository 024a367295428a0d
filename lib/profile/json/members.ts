import type { JsonMember, JsonNode } from './node.ts';

/** Above this many, members are found by a map; nearly all objects have fewer. */
const few = 16;

class Link implements JsonMember {
  readonly name: string;
  readonly keyAt: number;
  readonly value: JsonNode;
  next: Link | undefined;

  constructor(name: string, keyAt: number, value: JsonNode) {
    this.name = name;
    this.keyAt = keyAt;
    this.value = value;
  }
}

/**
 * The members of one object in their order. A big profile has tens of thousands of objects with
 * three or four members each: linked members take a third of the memory that maps would, and less
 * time.
 */
export class Members {
  #first: Link | undefined;
  #last: Link | undefined;
  #size = 0;
  #byName: Map<string, Link> | undefined;

  get size(): number {
    return this.#size;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get(name: string): JsonMember | undefined {
    if (this.#byName !== undefined) return this.#byName.get(name);
    let link = this.#first;
    while (link !== undefined && link.name !== name) link = link.next;
    return link;
  }

  *[Symbol.iterator](): IterableIterator<[string, JsonMember]> {
    for (let link = this.#first; link !== undefined; link = link.next) yield [link.name, link];
  }

  /** Adds a member whose name is new. */
  add(name: string, keyAt: number, value: JsonNode): void {
    const link = new Link(name, keyAt, value);
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#size += 1;
    this.#byName?.set(name, link);
    if (this.#size === few) this.#byName = this.#indexed();
  }

  #indexed(): Map<string, Link> {
    const byName = new Map<string, Link>();
    for (let link = this.#first; link !== undefined; link = link.next) byName.set(link.name, link);
    return byName;
  }
}
