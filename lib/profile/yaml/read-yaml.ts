import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { composeDocuments } from '#lib/yaml/compose-documents';
import type { JsonMember, JsonNode } from '../json/node.ts';
import { type JsonDocument, type JsonLimits, positionOf } from '../json/read-json.ts';

/**
 * Reads the documents of a YAML 1.2 stream, of which JSON is a subset, into the same trees as JSON,
 * those that are not empty. No anchors, no tags, no merge keys, no other keys than text, no
 * characters at which readers differ in whether a line ends: what is left means the same to every
 * reader. Words in place of true and false (yes, off), and numbers, are as kubectl reads them: in
 * hexadecimal (0x1f), octal (0o17, 017) and binary (0b11), with underscores.
 *
 * @throws FairleadError ProfileInvalid with `source:line:column`, or where all are empty;
 * LimitExceeded.
 */
export function readYamlDocuments(bytes: Uint8Array, source: string, limits: JsonLimits): readonly JsonDocument[] {
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
  const fail: Fail = (at, what, hint) => {
    throw new FairleadError('ProfileInvalid', `${positionOf({ text, source }, at)}: not valid YAML: ${what}`, {
      ...(hint !== undefined && { hint }),
    });
  };
  refuseCharacters(text, fail);
  // The parser compares every key with every other one; the converter looks them up.
  const options = { version: '1.2', schema: 'core', uniqueKeys: false, prettyErrors: false } as const;
  const documents = composeDocuments(text, source, { depth: limits.depth, words }, { ...options, logLevel: 'silent' });
  const [problem] = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]);
  if (problem !== undefined) return fail(problem.pos[0], problem.message);
  const converter = new Converter({ text, source }, limits, fail);
  const read = documents.flatMap(({ contents }) =>
    isEmpty(contents) ? [] : [{ root: converter.node(contents, 1), text, source }],
  );
  return read.length > 0 ? read : fail(0, 'the document is empty');
}

/** Returns the same for what must be one document. */
export function readYaml(bytes: Uint8Array, source: string, limits: JsonLimits): JsonDocument {
  const [first, second] = readYamlDocuments(bytes, source, limits);
  if (first !== undefined && second === undefined) return first;
  const position = positionOf({ text: first?.text ?? '', source }, second?.root.at ?? 0);
  throw new FairleadError('ProfileInvalid', `${position}: not valid YAML: more than one document`);
}

/** No profile has more. */
const words = 150_000;

type Fail = (at: number, what: string, hint?: string) => never;

/** Where YAML 1.1, and so kubectl, ends a line, and a comment with it, and YAML 1.2 does not. */
const otherLineEnd = /[\u0085\u2028\u2029]|\r(?!\n)/;
/** What YAML allows only as an escape. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const control = /[\0-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/;

function refuseCharacters(text: string, fail: Fail): void {
  for (const [pattern, what] of [
    [otherLineEnd, 'ends a line for some readers, and for others does not'],
    [control, 'is a control character'],
  ] as const) {
    const at = text.search(pattern);
    if (at < 0) continue;
    const code = (text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    fail(at, `U+${code} ${what}`, 'Remove it, or write it as an escape in double quotes.');
  }
}

/** As kubectl passes over it: nothing, comments alone, or null. */
function isEmpty(contents: Node | null): contents is null {
  return contents === null || (isScalar(contents) && contents.value === null && contents.anchor === undefined);
}

const expandedHint = "Write out what they stand for, such as by: yq 'explode(.)' FILE";

const mergeHint = "Write out what is merged, such as by: yq 'explode(.)' FILE";

/**
 * What kubectl's reader takes for true and false beside those two words, in these spellings alone.
 */
const truths: ReadonlyMap<string, boolean> = new Map([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
]);

/**
 * Returns a number as kubectl's reader of YAML takes it, in the digits of JSON; undefined for other
 * text, or the same to every reader.
 */
function numberOf(plain: string): string | undefined {
  const isFraction = /^\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?$/.test(plain);
  if (!isFraction && !/^[-+0-9]/.test(plain)) return undefined;
  const text = plain.replaceAll('_', '');
  const [, sign = '', based, octal, decimal] =
    /^([-+]?)(?:(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)|0([0-7]+)|([0-9]+))$/.exec(text) ?? [];
  const digits = based ?? (octal === undefined ? decimal : `0o${octal}`);
  if (digits !== undefined) return `${sign === '-' ? '-' : ''}${BigInt(digits)}`;
  const isFloat = text !== plain && /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text);
  return isFloat ? text : undefined;
}

class Converter {
  readonly #place: { readonly text: string; readonly source: string };
  readonly #limits: JsonLimits;
  readonly #fail: Fail;
  #values = 0;

  constructor(place: { readonly text: string; readonly source: string }, limits: JsonLimits, fail: Fail) {
    this.#place = place;
    this.#limits = limits;
    this.#fail = fail;
  }

  node(node: Node | null, depth: number, keyAt = 0): JsonNode {
    const at = node?.range?.[0] ?? keyAt;
    this.#values += 1;
    if (this.#values > this.#limits.values) this.#tooMuch(at, `more than ${this.#limits.values} values`);
    if (depth > this.#limits.depth) this.#tooMuch(at, `nested deeper than ${this.#limits.depth} levels`);
    if (node === null) return { type: 'null', at };
    if (isAlias(node) || node.anchor !== undefined)
      return this.#fail(at, 'anchors and aliases are not accepted', expandedHint);
    if (node.tag !== undefined) return this.#fail(at, 'tags are not accepted', 'Remove the tag.');
    if (isScalar(node)) {
      const plain = node.type === 'PLAIN' ? (node.source ?? '') : '';
      const number = numberOf(plain);
      return number === undefined
        ? this.#scalar(truths.get(plain) ?? node.value, node.source ?? '', at)
        : { type: 'number', at, source: number };
    }
    if (isSeq(node))
      return { type: 'array', at, items: node.items.map((item) => this.node(item as Node, depth + 1, at)) };
    if (!isMap(node)) return this.#fail(at, 'expected a value');
    const members = new Map<string, JsonMember>();
    for (const { key, value } of node.items) {
      if (!isScalar(key) || typeof key.value !== 'string') return this.#fail(at, 'a key must be text');
      if (key.anchor !== undefined || key.tag !== undefined)
        return this.#fail(at, 'a key must have no anchor and no tag', expandedHint);
      const place = key.range?.[0] ?? at;
      if (key.type === 'PLAIN') {
        if (key.value === '<<') return this.#fail(place, 'merge keys are not accepted', mergeHint);
        if (truths.has(key.value) || numberOf(key.value) !== undefined)
          return this.#fail(
            place,
            `a key must be text, and ${JSON.stringify(key.value)} is not`,
            'Write it in quotes.',
          );
      }
      if (members.has(key.value)) return this.#fail(place, `the key ${quote(key.value, 64)} twice`);
      this.#text(key.value, place);
      members.set(key.value, { keyAt: place, value: this.node(value as Node | null, depth + 1, place) });
    }
    return { type: 'object', at, members };
  }

  /**
   * Returns a text of whole characters: kubectl's reader refuses others, and JSON cannot be written
   * of them.
   */
  #text(value: string, at: number): string {
    return value.isWellFormed() ? value : this.#fail(at, 'an unpaired surrogate is not a character');
  }

  #scalar(value: unknown, source: string, at: number): JsonNode {
    if (typeof value === 'string') return { type: 'string', at, value: this.#text(value, at) };
    if (typeof value === 'boolean') return { type: 'boolean', at, value };
    if (value === null) return { type: 'null', at };
    if (!Number.isFinite(value)) return this.#fail(at, `${source.slice(0, 64)} is not a number in JSON`);
    return { type: 'number', at, source };
  }

  #tooMuch(at: number, what: string): never {
    throw new FairleadError('LimitExceeded', `${positionOf(this.#place, at)}: ${what}`);
  }
}
