import { isAlias, isMap, isScalar, isSeq, Lexer, type Node, parseAllDocuments } from 'yaml';
import { FairleadError } from '#lib/errors';
import type { JsonMember, JsonNode } from '../json/node.ts';
import { type JsonDocument, type JsonLimits, positionOf } from '../json/read-json.ts';

/**
 * The parser needs some microseconds and a kilobyte for a token, be it a bracket; a block of text is one. A line of a
 * list has six.
 */
const mostTokens = 150_000;

/**
 * Reads one YAML 1.2 document, of which JSON is a subset, into the same tree as JSON. No anchors, no tags, no other
 * keys than text: what is left means the same to every reader.
 *
 * @throws FairleadError ProfileInvalid with `source:line:column`; LimitExceeded.
 */
export function readYaml(bytes: Uint8Array, source: string, limits: JsonLimits): JsonDocument {
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
  let tokens = 0;
  for (const _token of new Lexer().lex(text)) {
    tokens += 1;
    if (tokens > mostTokens)
      throw new FairleadError('LimitExceeded', `${source}: more than ${mostTokens} words and signs`);
  }
  const fail = (at: number, what: string): never => {
    throw new FairleadError('ProfileInvalid', `${positionOf({ text, source }, at)}: not valid YAML: ${what}`);
  };
  const document = compose(text, source, fail);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) return fail(problem.pos[0], problem.message);
  if (document.contents === null) return fail(0, 'the document is empty');
  const root = new Converter({ text, source }, limits, fail).node(document.contents, 1);
  return { root, text, source };
}

type Fail = (at: number, what: string) => never;

function compose(text: string, source: string, fail: Fail) {
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    // The parser compares every key with every other one; the converter looks them up.
    const options = { version: '1.2', schema: 'core', uniqueKeys: false, prettyErrors: false } as const;
    documents = parseAllDocuments(text, { ...options, logLevel: 'silent' });
  } catch (cause) {
    // The parser calls itself for every level of nesting.
    if (!(cause instanceof RangeError)) throw cause;
    throw new FairleadError('LimitExceeded', `${source}: nested too deep`, { cause });
  }
  const [first, second] = documents;
  if (second !== undefined) return fail(second.range?.[0] ?? 0, 'more than one document');
  return first ?? fail(0, 'the document is empty');
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
    if (isAlias(node) || node.anchor !== undefined) return this.#fail(at, 'anchors and aliases are not accepted');
    if (node.tag !== undefined) return this.#fail(at, 'tags are not accepted');
    if (isScalar(node)) return this.#scalar(node.value, node.source ?? '', at);
    if (isSeq(node))
      return { type: 'array', at, items: node.items.map((item) => this.node(item as Node, depth + 1, at)) };
    if (!isMap(node)) return this.#fail(at, 'expected a value');
    const members = new Map<string, JsonMember>();
    for (const { key, value } of node.items) {
      if (!isScalar(key) || typeof key.value !== 'string') return this.#fail(at, 'a key must be text');
      if (key.anchor !== undefined || key.tag !== undefined) return this.#fail(at, 'a key has neither anchor nor tag');
      const place = key.range?.[0] ?? at;
      if (members.has(key.value)) return this.#fail(place, `the key ${JSON.stringify(key.value.slice(0, 64))} twice`);
      members.set(key.value, { keyAt: place, value: this.node(value as Node | null, depth + 1, place) });
    }
    return { type: 'object', at, members };
  }

  #scalar(value: unknown, source: string, at: number): JsonNode {
    if (typeof value === 'string') return { type: 'string', at, value };
    if (typeof value === 'boolean') return { type: 'boolean', at, value };
    if (value === null) return { type: 'null', at };
    return { type: 'number', at, source };
  }

  #tooMuch(at: number, what: string): never {
    throw new FairleadError('LimitExceeded', `${positionOf(this.#place, at)}: ${what}`);
  }
}
