import { isMap, isScalar, isSeq, type Pair, type YAMLMap, type YAMLSeq } from 'yaml';
import { below, isList, isObject, type Json } from './value.ts';

/** The lines of a member or an item of a block. */
export interface BlockLines {
  /** Begin of the blank lines and comments before it that are not its own. */
  readonly gap: number;
  /** Begin of its own comments and its line. */
  readonly start: number;
  readonly end: number;
  /** The offset of its key, or of an item's value. */
  readonly at: number;
  /** Column of the key, or of the dash. */
  readonly indent: number;
  /** True if it follows a dash on the same line. */
  readonly isMidLine: boolean;
  /** The node of the parser. */
  readonly node: unknown;
  readonly value: Json;
}

/** Returns the lines of all members and items of the blocks in a document, by their pointers. */
export function blockLines(text: string, root: YAMLMap, begin: number, value: Json): ReadonlyMap<string, BlockLines> {
  const finder = new Finder(text);
  finder.members(root, '', begin, value);
  return finder.found;
}

class Finder {
  readonly found = new Map<string, BlockLines>();
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  members(map: YAMLMap, pointer: string, begin: number, value: Json | undefined): void {
    let gap = begin;
    for (const pair of map.items) {
      const key = keyOf(pair);
      const range = rangeOf(pair.key);
      if (key === undefined || range === undefined) continue;
      const [at, keyEnd] = range;
      const indent = at - this.#lineStart(at);
      const member = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
      gap = this.#add(below(pointer, key), pair.value, member, { gap, at, keyEnd, indent });
    }
  }

  #items(list: YAMLSeq, pointer: string, begin: number, value: Json | undefined): void {
    let gap = begin;
    for (const [index, item] of list.items.entries()) {
      const at = rangeOf(item)?.[0];
      if (at === undefined) continue;
      const dash = this.#text.lastIndexOf('-', at - 1);
      const indent = dash - this.#lineStart(dash);
      const member = isList(value) ? value[index] : undefined;
      gap = this.#add(below(pointer, index), item, member, { gap, at, keyEnd: at, indent });
    }
  }

  /** Adds a member or an item, and what is in it. Returns where its lines end. */
  #add(
    pointer: string,
    node: unknown,
    value: Json = null,
    { gap, at, keyEnd, indent }: Pick<BlockLines, 'gap' | 'at' | 'indent'> & { readonly keyEnd: number },
  ): number {
    const end = this.#nextLine(Math.max(keyEnd, contentEnd(node) ?? keyEnd));
    const start = this.#ownComments(gap, Math.max(gap, this.#lineStart(at)), indent);
    this.found.set(pointer, { gap, start, end, at, indent, isMidLine: gap === at, node, value });
    if (isBlockMap(node)) {
      const first = rangeOf(node.items[0]?.key)?.[0];
      this.members(node, pointer, first === undefined ? end : this.#inner(first, at, keyEnd), value);
    } else if (isBlockList(node)) this.#items(node, pointer, this.#inner(rangeOf(node)?.[0] ?? end, at, keyEnd), value);
    return end;
  }

  /** Returns where the lines in a block begin: after its key, or in the line of its dash. */
  #inner(first: number, at: number, keyEnd: number): number {
    return this.#lineStart(first) <= this.#lineStart(at) ? first : this.#nextLine(keyEnd);
  }

  /** Returns the begin of the comments directly above a line that are indented like it. */
  #ownComments(gap: number, lineStart: number, indent: number): number {
    let start = lineStart;
    while (start > gap) {
      const before = this.#lineStart(start - 1);
      if (before < gap || !this.#text.startsWith(`${' '.repeat(indent)}#`, before)) break;
      start = before;
    }
    return start;
  }

  #lineStart(offset: number): number {
    return offset <= 0 ? 0 : this.#text.lastIndexOf('\n', offset - 1) + 1;
  }

  /** Returns the begin of the line after an offset, or the offset if a line begins there. */
  #nextLine(offset: number): number {
    if (offset > 0 && this.#text[offset - 1] === '\n') return offset;
    const end = this.#text.indexOf('\n', offset);
    return end < 0 ? this.#text.length : end + 1;
  }
}

/** Returns the key of a member; undefined if it is not a scalar. */
export function keyOf(pair: Pair | undefined): string | undefined {
  return isScalar(pair?.key) ? String(pair.key.value) : undefined;
}

/** Returns begin and end of a node, and the end of the comments behind it. */
export function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  return (isMap(node) || isSeq(node) || isScalar(node)) && node.range ? node.range : undefined;
}

/** Reports whether a node is an object that is written without braces. */
export function isBlockMap(node: unknown): node is YAMLMap {
  return isMap(node) && node.flow !== true;
}

/** Reports whether a node is a list that is written with dashes. */
export function isBlockList(node: unknown): node is YAMLSeq {
  return isSeq(node) && node.flow !== true;
}

/** Returns where the last value in a node ends, without comments behind it. */
function contentEnd(node: unknown): number | undefined {
  if (isBlockMap(node)) {
    const last = node.items.at(-1);
    return contentEnd(last?.value) ?? contentEnd(last?.key);
  }
  return isBlockList(node) ? contentEnd(node.items.at(-1)) : rangeOf(node)?.[1];
}
