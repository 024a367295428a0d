import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { Items } from './items.ts';
import { repeatedMemberHint } from './known-names.ts';
import { Members } from './members.ts';
import type { JsonNode } from './node.ts';
import { ArrayNode, NumberNode, ObjectNode, StringNode } from './node.ts';

/** What a document may cost before it is refused. */
export interface JsonLimits {
  readonly bytes: number;
  readonly depth: number;
  /** Values of all types together. */
  readonly values: number;
}

/** A parsed document: its root, its text, and its name in errors. */
export interface JsonDocument {
  readonly root: JsonNode;
  readonly text: string;
  readonly source: string;
}

/** Returns `source:line:column` of an offset, both counted from 1, columns in UTF-16 units. */
export function positionOf(document: { readonly text: string; readonly source: string }, at: number): string {
  let line = 1;
  let start = 0;
  for (let newline = document.text.indexOf('\n'); newline !== -1 && newline < at; ) {
    line += 1;
    start = newline + 1;
    newline = document.text.indexOf('\n', start);
  }
  return `${document.source}:${line}:${at - start + 1}`;
}

/**
 * Reads one JSON document (RFC 8259), strictly: UTF-8 without a byte order mark, no duplicate
 * names, nothing after the value. JSON.parse would round numbers above 2^53 and forget positions;
 * its source-text access is missing in Node 22.
 *
 * @throws FairleadError ProfileInvalid with `source:line:column`, LimitExceeded if the document is
 * too big.
 */
export function readJson(bytes: Uint8Array, source: string, limits: JsonLimits): JsonDocument {
  if (bytes.length > limits.bytes) {
    throw new FairleadError(
      'LimitExceeded',
      `${source}: ${bytes.length} bytes are more than the limit of ${limits.bytes}`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FairleadError('ProfileInvalid', `${source}: not valid UTF-8`, { cause });
  }
  return { root: new Reader(text, source, limits).document(), text, source };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** The length of strings that are shared, and how many are, at most. */
const maxShared = 32;
const mostShared = 1_024;

/**
 * Of longer arrays only the place is kept: as trees, the items of a big profile take ten times as
 * much as its text.
 */
const longArray = 64;

class Reader {
  readonly #text: string;
  readonly #source: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #values = 0;
  /** How many arrays are open. */
  #arrays = 0;
  readonly #known = new Map<string, string>();
  readonly #number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

  constructor(text: string, source: string, limits: JsonLimits) {
    this.#text = text;
    this.#source = source;
    this.#limits = limits;
  }

  document(): JsonNode {
    if (this.#text.startsWith('\ufeff')) this.#fail('it begins with a byte order mark');
    this.#blank();
    const root = this.#value(1);
    this.#blank();
    if (this.#at < this.#text.length) this.#fail('nothing may follow the JSON value');
    return root;
  }

  #value(depth: number): JsonNode {
    if (depth > this.#limits.depth) this.#tooMuch(`nested deeper than ${this.#limits.depth} levels`);
    this.#values += 1;
    if (this.#values > this.#limits.values) this.#tooMuch(`more than ${this.#limits.values} values`);
    const at = this.#at;
    const character = this.#text[at];
    switch (character) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return new StringNode(at, this.#string());
      case 't':
        return this.#word('true', { type: 'boolean', at, value: true });
      case 'f':
        return this.#word('false', { type: 'boolean', at, value: false });
      case 'n':
        return this.#word('null', { type: 'null', at });
      default:
        return this.#numberNode();
    }
  }

  #object(depth: number): JsonNode {
    const at = this.#at;
    const members = new Members();
    this.#at += 1;
    this.#blank();
    if (this.#text[this.#at] === '}') {
      this.#at += 1;
      return new ObjectNode(at, members);
    }
    for (;;) {
      const keyAt = this.#at;
      if (this.#text[keyAt] !== '"') this.#fail('expected a member name in double quotes');
      const key = this.#string();
      if (members.has(key)) this.#fail(`duplicate member ${quote(key, 64)}`, keyAt, repeatedMemberHint);
      this.#blank();
      if (this.#text[this.#at] !== ':') this.#fail('expected ":" after the member name');
      this.#at += 1;
      this.#blank();
      members.add(key, keyAt, this.#value(depth + 1));
      if (this.#closes('}')) return new ObjectNode(at, members);
    }
  }

  #array(depth: number): JsonNode {
    const at = this.#at;
    // What lies in an array whose items are read again is read again with them, not once more.
    const mayBeLong = this.#arrays === 0;
    this.#arrays += 1;
    let items = new Items();
    let length = 0;
    for (const item of this.#items(depth)) {
      if (mayBeLong && length === longArray) items = new Items();
      if (!mayBeLong || length < longArray) items.add(item);
      length += 1;
    }
    this.#arrays -= 1;
    if (items.length === length) return new ArrayNode(at, items);
    const again = () => new Reader(this.#text, this.#source, this.#limits).#itemsFrom(at, depth);
    return new ArrayNode(at, { length, [Symbol.iterator]: again });
  }

  /** Reads the items of an array that was read before. */
  #itemsFrom(at: number, depth: number): IterableIterator<JsonNode> {
    this.#at = at;
    this.#arrays = 1;
    return this.#items(depth);
  }

  /** Reads an array item by item, from its opening bracket. */
  *#items(depth: number): IterableIterator<JsonNode> {
    this.#at += 1;
    this.#blank();
    if (this.#text[this.#at] === ']') {
      this.#at += 1;
      return;
    }
    do yield this.#value(depth + 1);
    while (!this.#closes(']'));
  }

  /** After a member or item: true at the closing bracket, false at a comma. */
  #closes(bracket: '}' | ']'): boolean {
    this.#blank();
    const character = this.#text[this.#at];
    if (character !== ',' && character !== bracket) this.#fail(`expected "," or "${bracket}"`);
    this.#at += 1;
    if (character === bracket) return true;
    this.#blank();
    return false;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at + 1;
    let at = start;
    let code = text.charCodeAt(at);
    while (code !== QUOTE && code !== BACKSLASH && code >= 0x20) code = text.charCodeAt(++at);
    if (code === QUOTE) {
      this.#at = at + 1;
      return this.#shared(text.slice(start, at));
    }
    this.#at = at;
    return this.#escapedString(text.slice(start, at));
  }

  /** Returns one string for all that are alike: profiles repeat the same few words. */
  #shared(text: string): string {
    if (text.length > maxShared) return text;
    const known = this.#known.get(text);
    if (known === undefined && this.#known.size < mostShared) this.#known.set(text, text);
    return known ?? text;
  }

  #escapedString(head: string): string {
    // Begins before the head, behind the quote.
    const start = this.#at - head.length - 1;
    let value = head;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) this.#fail('unterminated string');
      if (character === '"') {
        // Go's decoder puts U+FFFD in its place, and stricter ones refuse it.
        if (!value.isWellFormed()) this.#fail('an unpaired surrogate is not a character', start);
        this.#at += 1;
        return value;
      }
      if (character === '\\') value += this.#escape();
      else if (character < ' ') this.#fail('a control character must be escaped in a string');
      else {
        value += character;
        this.#at += 1;
      }
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail('"\\u" needs four hexadecimal digits');
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = escapes[letter];
    if (plain === undefined) this.#fail('unknown escape in a string');
    this.#at += 2;
    return plain;
  }

  #numberNode(): JsonNode {
    const at = this.#at;
    const end = this.#endOfDigits(at);
    if (end !== undefined) {
      this.#at = end;
      return new NumberNode(at, this.#text.slice(at, end));
    }
    this.#number.lastIndex = at;
    const source = this.#number.exec(this.#text)?.[0];
    if (source === undefined)
      this.#fail(at < this.#text.length ? 'expected a JSON value' : 'unexpected end of the document');
    this.#at += source.length;
    return new NumberNode(at, source);
  }

  /** Returns the end of a plain whole number, as nearly all are; undefined for others. */
  #endOfDigits(start: number): number | undefined {
    let at = start;
    let code = this.#text.charCodeAt(at);
    const first = code;
    while (code >= 0x30 && code <= 0x39) code = this.#text.charCodeAt(++at);
    const isPlain = at === start + 1 || (at > start && first !== 0x30);
    return isPlain && code !== 0x2e && code !== 0x65 && code !== 0x45 ? at : undefined;
  }

  #word(word: string, node: JsonNode): JsonNode {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('expected a JSON value');
    this.#at += word.length;
    return node;
  }

  #blank(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #fail(what: string, at = this.#at, hint?: string): never {
    const position = positionOf({ text: this.#text, source: this.#source }, at);
    throw new FairleadError(
      'ProfileInvalid',
      `${position}: not valid JSON: ${what}`,
      hint === undefined ? {} : { hint },
    );
  }

  #tooMuch(what: string): never {
    const position = positionOf({ text: this.#text, source: this.#source }, this.#at);
    throw new FairleadError('LimitExceeded', `${position}: ${what}`);
  }
}
