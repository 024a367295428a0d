/**
 * A JSON value that remembers its place. Numbers keep their source text, so that 64-bit values
 * survive.
 */
export type JsonNode =
  | { readonly type: 'object'; readonly at: number; readonly members: JsonMembers }
  | { readonly type: 'array'; readonly at: number; readonly items: JsonItems }
  | { readonly type: 'string'; readonly at: number; readonly value: string }
  | { readonly type: 'number'; readonly at: number; readonly source: string }
  | { readonly type: 'boolean'; readonly at: number; readonly value: boolean }
  | { readonly type: 'null'; readonly at: number };

/** The members of an object by name, and in their order; a map is one too. */
export interface JsonMembers extends Iterable<readonly [string, JsonMember]> {
  readonly size: number;
  has(name: string): boolean;
  get(name: string): JsonMember | undefined;
}

/** One member of an object; `keyAt` is the offset of its name. */
export interface JsonMember {
  readonly keyAt: number;
  readonly value: JsonNode;
}

/**
 * The items of an array in their order; a list is one too. Those of a long array are made again in
 * each pass.
 */
export interface JsonItems extends Iterable<JsonNode> {
  readonly length: number;
}

/*
 * The nodes that readJson makes by the hundred thousand, and drops again, are of classes. V8
 * watches what literals make: once that lived long, it makes more of it among the old, where it
 * stays until all memory is collected. That could triple what a process needs for a big profile.
 */

export class ObjectNode {
  readonly type = 'object';
  readonly at: number;
  readonly members: JsonMembers;

  constructor(at: number, members: JsonMembers) {
    this.at = at;
    this.members = members;
  }
}

export class ArrayNode {
  readonly type = 'array';
  readonly at: number;
  readonly items: JsonItems;

  constructor(at: number, items: JsonItems) {
    this.at = at;
    this.items = items;
  }
}

export class StringNode {
  readonly type = 'string';
  readonly at: number;
  readonly value: string;

  constructor(at: number, value: string) {
    this.at = at;
    this.value = value;
  }
}

export class NumberNode {
  readonly type = 'number';
  readonly at: number;
  readonly source: string;

  constructor(at: number, source: string) {
    this.at = at;
    this.source = source;
  }
}
