import { limits } from '../vocabulary.ts';
import { splitComponents } from './components.ts';
import type { Glob } from './glob.ts';
import type { GlobNode } from './node.ts';
import { characterOf, literalNode, literalOf } from './node.ts';
import type { SymbolSet } from './symbol-set.ts';
import { anySymbol, complement, isEmpty, noSymbol, notSlash, singleton, union } from './symbol-set.ts';
import { expandVariables } from './variables.ts';

/** A path that AppArmor would refuse or could read in another way. */
export interface GlobFault {
  readonly fault: string;
}

/**
 * What a backslash may stand before. Not another backslash: apparmor_parser lets one that ends a
 * quoted path take the closing quote with it, and reads on to the next. Before other characters it
 * drops the backslash.
 */
const escapable = '*?[]{}^,';
/**
 * Not in a class: apparmor_parser takes some of them for something else there, and the others
 * invite mistakes.
 */
const notInClass = '*?[]{}\\,"';

/**
 * Reads a path as apparmor_parser 3 does (apparmor.d(5), "Globbing"; its convert_aaregex_to_pcre):
 * `*` stays within a directory, `**` does not, `?` is one character but "/", classes may hold "/",
 * groups nest. Stars that fill a whole component, as in `/tmp/*`, need at least one character. What
 * that parser would refuse or silently change (`//`, `[!a]`, `\q`, `{a}`) is a fault, and so is
 * every character with which a path could end its place in a policy.
 */
export function parseGlob(text: string): Glob | GlobFault {
  const spelled = checkSpelling(text);
  if (spelled !== undefined) return { fault: spelled };
  const expansion = expandVariables(text);
  if ('fault' in expansion) return expansion;
  const { expanded } = expansion;
  if (expanded.length > limits.pathLength) return { fault: `longer than ${limits.pathLength} characters` };
  if (!expanded.startsWith('/')) return { fault: 'must be absolute: begin with "/"' };
  if (expanded.includes('//')) return { fault: 'must not contain "//": the kernel never asks for such a name' };
  if (/(^|\/)\.\.?(\/|$)/.test(expanded)) {
    return { fault: 'must not contain "." or ".." as a component: the kernel never asks for such a name' };
  }
  const reader = new Reader(expanded);
  const nodes = reader.read();
  if (reader.fault !== undefined) return { fault: reader.fault };
  const components = splitComponents(expanded, nodes, reader.slashes);
  const literal = components.every(({ isLiteral }) => isLiteral);
  return { text, expanded, nodes, components, ...literalEnds(nodes), literal, automata: new Map() };
}

/** Returns the literal characters at both ends. */
function literalEnds(nodes: readonly GlobNode[]): Pick<Glob, 'prefix' | 'suffix'> {
  const isWild = (node: GlobNode): boolean => characterOf(node) === undefined;
  const begin = nodes.findIndex(isWild);
  const prefix = literalOf(begin === -1 ? nodes : nodes.slice(0, begin));
  return { prefix, suffix: begin === -1 ? prefix : literalOf(nodes.slice(nodes.findLastIndex(isWild) + 1)) };
}

function checkSpelling(text: string): string | undefined {
  if (text === '') return 'must not be empty';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return `must not contain the control character ${spell(code)}`;
    if (code > 0x7e) return `must be ASCII, has ${spell(code)}; write "?" for each of its UTF-8 bytes`;
    if (character === '"') return 'must not contain a double quote';
  }
  return undefined;
}

function spell(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

class Reader {
  fault: string | undefined;
  readonly slashes: { readonly node: number; readonly at: number }[] = [];
  readonly #text: string;
  #at = 0;
  #wildcards = 0;
  #branches = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): readonly GlobNode[] {
    const nodes = this.#sequence(0);
    if (this.fault === undefined && this.#at < this.#text.length) this.fault = '"}" without its "{"';
    return nodes;
  }

  /** Up to the end, or to the `,` or `}` of the group that it is in. */
  #sequence(depth: number): readonly GlobNode[] {
    const nodes: GlobNode[] = [];
    while (this.#at < this.#text.length && this.fault === undefined) {
      const character = this.#text[this.#at] ?? '';
      if (character === '}' || (character === ',' && depth > 0)) break;
      if (character === '/' && depth === 0) this.slashes.push({ node: nodes.length, at: this.#at });
      this.#at += 1;
      if ('*?[{'.includes(character) && ++this.#wildcards > limits.wildcards) {
        this.fault = `more than ${limits.wildcards} wildcards`;
      } else if (character === '*') this.#stars(nodes);
      else if (character === '?') nodes.push({ kind: 'one', set: notSlash });
      else if (character === '[') nodes.push({ kind: 'one', set: this.#characterClass() });
      else if (character === '{') nodes.push(this.#group(depth + 1));
      else if (character === ']') this.fault = '"]" without its "["; write "\\]" for the character';
      else nodes.push(literalNode(character === '\\' ? this.#escaped() : character));
    }
    return nodes;
  }

  #stars(nodes: GlobNode[]): void {
    const start = this.#at - 1;
    while (this.#text[this.#at] === '*') this.#at += 1;
    const next = this.#text[this.#at];
    // A run that fills a component needs a character: looked at in the text, as apparmor_parser
    // does.
    if (this.#text[start - 1] === '/' && (next === undefined || next === '/')) {
      nodes.push({ kind: 'one', set: notSlash });
    }
    nodes.push({ kind: 'many', set: this.#at - start === 1 ? notSlash : anySymbol });
  }

  #escaped(): string {
    const character = this.#text[this.#at] ?? '';
    this.#at += 1;
    if (character === '') this.fault = 'ends with a backslash that escapes nothing';
    else if (character === '\\') this.fault = 'must not contain a backslash as a character; write "?" for it';
    else if (!escapable.includes(character)) {
      this.fault = `must not escape ${JSON.stringify(character)}: only ${[...escapable].join(' ')} may be escaped`;
    }
    return character;
  }

  #group(depth: number): GlobNode {
    const branches: (readonly GlobNode[])[] = [];
    if (depth > limits.depth) this.fault = `"{" nested deeper than ${limits.depth}`;
    while (this.fault === undefined) {
      branches.push(this.#sequence(depth));
      if (++this.#branches > limits.branches) this.fault = `more than ${limits.branches} branches in "{}"`;
      const end = this.#text[this.#at];
      this.#at += 1;
      if (end === ',') continue;
      if (end === undefined) this.fault ??= '"{" without its "}"';
      else if (branches.length < 2) this.fault = '"{}" needs at least two branches, separated by ","';
      break;
    }
    return { kind: 'branches', branches };
  }

  #characterClass(): SymbolSet {
    const end = this.#text.indexOf(']', this.#at);
    if (end === -1) {
      this.fault = '"[" without its "]"; write "\\[" for the character';
      return noSymbol;
    }
    const content = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    const negated = content.startsWith('^');
    const members = negated ? content.slice(1) : content;
    if (content.startsWith('!')) this.fault = `[${content}]: AppArmor negates a class with "^", not with "!"`;
    else if (members === '') this.fault = `[${content}] matches no character`;
    const set = this.#members(members);
    return negated ? complement(set) : set;
  }

  #members(members: string): SymbolSet {
    let set = noSymbol;
    for (let at = 0; at < members.length; at++) {
      const from = members[at] ?? '';
      if (notInClass.includes(from)) this.fault ??= `[${members}]: ${from} is not allowed in a class`;
      if (from === '-' && at > 0) this.fault ??= `[${members}]: "-" must be the first character, or between two`;
      if (members[at + 1] !== '-' || from === '-') {
        set = union(set, singleton(from));
        continue;
      }
      const to = members[at + 2] ?? '';
      set = union(set, this.#range(from, to));
      at += 2;
    }
    if (isEmpty(set)) this.fault ??= `[${members}] matches no character`;
    return set;
  }

  #range(from: string, to: string): SymbolSet {
    const alike = [/^[0-9]{2}$/, /^[a-z]{2}$/, /^[A-Z]{2}$/].some((pattern) => pattern.test(from + to));
    if (!alike || from > to) {
      this.fault ??= `${from}-${to} is not a range: use two digits or two letters of one case, the lower first`;
      return noSymbol;
    }
    let set = noSymbol;
    for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code++) {
      set = union(set, singleton(String.fromCharCode(code)));
    }
    return set;
  }
}
