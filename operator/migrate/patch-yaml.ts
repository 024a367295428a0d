import { isScalar, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { type BlockLines, blockLines, isBlockList, isBlockMap, keyOf, rangeOf } from './block-lines.ts';
import type { Move } from './moves.ts';
import { blockText, flowText, scalarText, styleOf, type YamlStyle } from './render-yaml.ts';
import { below, equal, isList, isObject, type Json, type JsonObject, stepsOf } from './value.ts';

/**
 * Returns the text of a YAML document with another value, in which everything that is equal keeps
 * its lines as they are, with comments and blank lines. A moved field keeps its lines, at their new
 * depth. Members of the new value are in the order of `next` where they are new.
 */
export function patchYaml(text: string, old: Json, next: Json, moves: readonly Move[]): string {
  const root = parseDocument(text, { schema: 'core', uniqueKeys: false, prettyErrors: false }).contents;
  if (!isBlockMap(root) || !isObject(old) || !isObject(next)) {
    const [head = ''] = /^(?:---[^\n]*\n|#[^\n]*\n|\s)*/.exec(text) ?? [];
    return `${head}${flowText(next, text.slice(head.length).trim())}\n`;
  }
  const [{ length: begin } = ''] = /^(?:(?:%[^\n]*|#[^\n]*|\s*)\n)*---(?=\s)[^\n]*\n/.exec(text) ?? [];
  const lines = blockLines(text, root, begin, old);
  const end = lines.get(below('', keyOf(root.items.at(-1)) ?? ''))?.end ?? text.length;
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const patched = new Patch(text, newline, lines, moves).members(root, '', '', old, next);
  const whole = text.slice(0, begin) + patched + text.slice(end);
  return text.endsWith('\n') ? whole : whole.replace(/\r?\n$/, '');
}

class Patch {
  readonly #text: string;
  readonly #newline: string;
  readonly #style: YamlStyle;
  readonly #lines: ReadonlyMap<string, BlockLines>;
  /** Objects of the new value in which there is something that was moved. */
  readonly #groups: ReadonlySet<string>;
  readonly #targets: ReadonlyMap<string, string>;
  readonly #sources: ReadonlyMap<string, string>;

  constructor(text: string, newline: string, lines: ReadonlyMap<string, BlockLines>, moves: readonly Move[]) {
    this.#text = text;
    this.#newline = newline;
    this.#style = styleOf(text);
    this.#lines = lines;
    this.#groups = new Set(moves.flatMap(({ to }) => ancestorsOf(to)));
    this.#targets = new Map(moves.map(({ from, to }) => [from, to]));
    this.#sources = new Map(moves.map(({ from, to }) => [to, from]));
  }

  /** Returns the lines of a block with other members. */
  members(map: YAMLMap, pointer: string, newPointer: string, old: JsonObject, next: JsonObject): string {
    const first = this.#lines.get(below(pointer, keyOf(map.items[0]) ?? ''));
    const indent = first?.indent ?? 0;
    const placed = new Set<string>();
    let text = '';
    for (const pair of map.items) {
      const key = keyOf(pair) ?? '';
      const own = below(pointer, key);
      const lines = this.#lines.get(own);
      if (lines !== undefined) text += this.#text.slice(lines.gap, lines.start);
      const target = this.#targets.get(own);
      const value = Object.hasOwn(next, key) ? next[key] : undefined;
      if (target === undefined && value !== undefined) {
        text += this.#member(own, key, value, below(newPointer, key));
        placed.add(key);
      } else if (target?.startsWith(`${newPointer}/`)) {
        const group = stepsOf(target)[stepsOf(newPointer).length] ?? '';
        const isNew = !Object.hasOwn(old, group) || this.#targets.has(below(pointer, group));
        if (!isNew || placed.has(group)) continue;
        text += this.#added(group, next[group] ?? null, below(newPointer, group), indent);
        placed.add(group);
      }
    }
    for (const [key, value] of Object.entries(next)) {
      if (!placed.has(key)) text += this.#added(key, value, below(newPointer, key), indent);
    }
    return first?.isMidLine === true ? text.replace(/^ +/, '') : text;
  }

  /** Returns the lines of a member of the old value under a key and with a value. */
  #member(pointer: string, key: string, value: Json, newPointer: string): string {
    const lines = this.#lines.get(pointer);
    if (lines === undefined) return '';
    const before = `${lines.isMidLine ? ' '.repeat(lines.indent) : ''}${this.#text.slice(lines.start, lines.at)}`;
    const oldKey =
      /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^:]+|:(?!\s))+/.exec(this.#text.slice(lines.at, lines.end))?.[0] ?? '';
    const head = before + (key === stepsOf(pointer).at(-1) ? oldKey : scalarText(key, oldKey));
    const rest = lines.at + oldKey.length;
    const body = equal(lines.value, value)
      ? this.#text.slice(rest, lines.end)
      : this.#changed(lines, pointer, newPointer, value, rest);
    if (body !== undefined) return this.#terminated(head + body);
    const comments = before.slice(0, before.lastIndexOf('\n') + 1);
    return comments + this.#rendered(key, value, lines.indent);
  }

  /**
   * Returns the text from the end of a key (or from the dash) to the end of its lines with another
   * value; undefined if it must be rendered anew.
   */
  #changed(lines: BlockLines, pointer: string, newPointer: string, next: Json, from: number): string | undefined {
    const { node, value: old, end } = lines;
    const range = rangeOf(node);
    if (range === undefined) return undefined;
    const [start, stop] = range;
    const around = (text: string) => this.#text.slice(from, start) + text + this.#text.slice(stop, end);
    if (isScalar(node)) {
      const isKept = !isObject(next) && !isList(next) && stop > start;
      return isKept ? around(scalarText(next, this.#text.slice(start, stop))) : undefined;
    }
    if (isBlockMap(node)) {
      const first = this.#lines.get(below(pointer, keyOf(node.items[0]) ?? ''));
      if (first === undefined || !isObject(old) || !isObject(next) || Object.keys(next).length === 0) return undefined;
      return this.#text.slice(from, first.gap) + this.members(node, pointer, newPointer, old, next);
    }
    if (isBlockList(node)) {
      return isList(old) && isList(next) && next.length > 0
        ? this.#items(node, pointer, newPointer, old, next, from)
        : undefined;
    }
    return around(flowText(next, this.#text.slice(start, stop)).replaceAll('\n', this.#newline));
  }

  #items(
    ...[list, pointer, newPointer, old, next, from]: [YAMLSeq, string, string, readonly Json[], readonly Json[], number]
  ): string | undefined {
    const first = this.#lines.get(below(pointer, 0));
    if (first === undefined) return undefined;
    let text = this.#text.slice(from, first.gap);
    let taken = 0;
    for (const index of list.items.keys()) {
      const own = below(pointer, index);
      const lines = this.#lines.get(own);
      const value = next[taken];
      if (lines === undefined) return undefined;
      text += this.#text.slice(lines.gap, lines.start);
      const isSame = equal(old[index], value);
      if (value === undefined || (old.length !== next.length && !isSame)) continue;
      const changed = isSame
        ? this.#text.slice(lines.start, lines.end)
        : this.#changed(lines, own, below(newPointer, taken), value, lines.start);
      if (changed === undefined) return undefined;
      text += this.#terminated(changed);
      taken += 1;
    }
    return taken === next.length ? text : undefined;
  }

  /** Returns the lines of a member that the old value does not have in this place. */
  #added(key: string, value: Json, newPointer: string, indent: number): string {
    const source = this.#sources.get(newPointer);
    const moved = source === undefined ? undefined : this.#lines.get(source);
    if (source !== undefined && moved !== undefined) {
      return shifted(this.#member(source, key, value, newPointer), indent - moved.indent);
    }
    const isGroup = isObject(value) && this.#groups.has(newPointer);
    if (!isGroup) return this.#rendered(key, value, indent);
    const members = Object.entries(value).map(([name, item]) =>
      this.#added(name, item, below(newPointer, name), indent + this.#style.indent),
    );
    return `${' '.repeat(indent)}${scalarText(key)}:${this.#newline}${members.join('')}`;
  }

  #rendered(key: string, value: Json, indent: number): string {
    const text = blockText({ [key]: value }, this.#style);
    return text.replace(/^(?=.)/gm, ' '.repeat(indent)).replaceAll('\n', this.#newline);
  }

  #terminated(text: string): string {
    return text.endsWith('\n') ? text : text + this.#newline;
  }
}

/** Returns lines with more or fewer spaces at their begin. */
function shifted(text: string, by: number): string {
  if (by === 0) return text;
  return by > 0 ? text.replace(/^(?=[^\r\n])/gm, ' '.repeat(by)) : text.replace(new RegExp(`^ {1,${-by}}`, 'gm'), '');
}

/** Returns the pointers to all that is around a place. */
function ancestorsOf(pointer: string): readonly string[] {
  return Array.from(pointer.matchAll(/(?<=.)\//g), ({ index }) => pointer.slice(0, index));
}
