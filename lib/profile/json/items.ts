import type { JsonItems, JsonNode } from './node.ts';

class Link {
  readonly item: JsonNode;
  next: Link | undefined;

  constructor(item: JsonNode) {
    this.item = item;
  }
}

/** The items of one array in their order, linked as Members are and for the same reason. */
export class Items implements JsonItems {
  #first: Link | undefined;
  #last: Link | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  *[Symbol.iterator](): IterableIterator<JsonNode> {
    for (let link = this.#first; link !== undefined; link = link.next) yield link.item;
  }

  add(item: JsonNode): void {
    const link = new Link(item);
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#length += 1;
  }
}
