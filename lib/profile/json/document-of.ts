import { FairleadError } from '#lib/errors';
import type { JsonMember, JsonNode } from './node.ts';
import type { JsonDocument, JsonLimits } from './read-json.ts';

/**
 * Returns a parsed value of JSON as a document, for what has no text of its own, such as an object
 * of an API server. Integers above 2^53 are expected as bigints; every place is the beginning of
 * the text.
 *
 * @throws FairleadError LimitExceeded if the value is too big or too deep; ProfileInvalid for what
 * JSON cannot express.
 */
export function documentOf(value: unknown, source: string, limits: Omit<JsonLimits, 'bytes'>): JsonDocument {
  return { root: new Converter(source, limits).node(value, 1), text: '', source };
}

class Converter {
  readonly #source: string;
  readonly #limits: Omit<JsonLimits, 'bytes'>;
  #values = 0;

  constructor(source: string, limits: Omit<JsonLimits, 'bytes'>) {
    this.#source = source;
    this.#limits = limits;
  }

  node(value: unknown, depth: number): JsonNode {
    this.#values += 1;
    if (this.#values > this.#limits.values) this.#tooMuch(`more than ${this.#limits.values} values`);
    if (depth > this.#limits.depth) this.#tooMuch(`nested deeper than ${this.#limits.depth} levels`);
    switch (typeof value) {
      case 'string':
        return { type: 'string', at: 0, value };
      case 'boolean':
        return { type: 'boolean', at: 0, value };
      case 'number':
      case 'bigint':
        return { type: 'number', at: 0, source: String(value) };
      case 'object':
        if (value === null) return { type: 'null', at: 0 };
        if (Array.isArray(value)) {
          return { type: 'array', at: 0, items: Array.from(value, (item) => this.node(item, depth + 1)) };
        }
        return { type: 'object', at: 0, members: this.#members(value, depth) };
      default:
        throw new FairleadError('ProfileInvalid', `${this.#source}:1:1: a ${typeof value} is no value of JSON`);
    }
  }

  #members(value: object, depth: number): ReadonlyMap<string, JsonMember> {
    const members = new Map<string, JsonMember>();
    for (const [name, member] of Object.entries(value)) {
      // As JSON.stringify does: a member that is undefined is not there.
      if (member !== undefined) members.set(name, { keyAt: 0, value: this.node(member, depth + 1) });
    }
    return members;
  }

  #tooMuch(what: string): never {
    throw new FairleadError('LimitExceeded', `${this.#source}:1:1: ${what}`);
  }
}
