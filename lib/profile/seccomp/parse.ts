import { FairleadError } from '#lib/errors';
import type { JsonDocument, JsonNode } from '../json/read-json.ts';
import { positionOf } from '../json/read-json.ts';
import type { SeccompAction, SeccompArg, SeccompOperator, SeccompProfile, SeccompRule } from './model.ts';
import { actions, architectures, flags, nearest, operators } from './vocabulary.ts';

/** A field that the runtime-spec does not have; it is dropped. */
export interface UnknownField {
  /** JSON pointer (RFC 6901). */
  readonly pointer: string;
  /** `source:line:column`. */
  readonly position: string;
}

/** Counts beyond which a profile is refused before anything else is done with it. */
const limits = { entries: 16_384, names: 65_536, arguments: 65_536, words: 64, textLength: 4_096, unknownFields: 256 };

const profileFields: ReadonlySet<string> = new Set([
  'defaultAction',
  'defaultErrnoRet',
  'architectures',
  'flags',
  'listenerPath',
  'listenerMetadata',
  'syscalls',
]);
const ruleFields: ReadonlySet<string> = new Set(['names', 'action', 'errnoRet', 'args']);
const argFields: ReadonlySet<string> = new Set(['index', 'value', 'valueTwo', 'op']);
const maxUint32 = 0xffff_ffffn;
const maxUint64 = 0xffff_ffff_ffff_ffffn;

/**
 * Makes a SeccompProfile of a document in the form of runtime-spec 1.2 (config-linux.md#seccomp).
 * Unknown fields are dropped and handed back beside it.
 *
 * @throws FairleadError ProfileInvalid: `source:line:column: syscalls[3].action: …`.
 */
export function parseSeccomp(document: JsonDocument): {
  readonly profile: SeccompProfile;
  readonly unknownFields: readonly UnknownField[];
} {
  const parser = new Parser(document);
  const profile = parser.profile(document.root);
  return { profile, unknownFields: parser.unknownFields };
}

type Members = Extract<JsonNode, { type: 'object' }>;

class Parser {
  readonly unknownFields: UnknownField[] = [];
  readonly #document: JsonDocument;
  #names = 0;
  #arguments = 0;

  constructor(document: JsonDocument) {
    this.#document = document;
  }

  profile(root: JsonNode): SeccompProfile {
    const fields = this.#object(root, '', profileFields);
    const defaultAction = this.#action(this.#required(fields, '', 'defaultAction'), 'defaultAction');
    const defaultErrnoRet = this.#optional(fields, 'defaultErrnoRet', (node) => this.#errno(node, 'defaultErrnoRet'));
    const archList = this.#optional(fields, 'architectures', (node) =>
      this.#words(node, 'architectures', 'architecture', architectures.keys()),
    );
    const flagList = this.#optional(fields, 'flags', (node) => this.#words(node, 'flags', 'flag', flags));
    const listenerPath = this.#optional(fields, 'listenerPath', (node) => this.#text(node, 'listenerPath'));
    const listenerMetadata = this.#optional(fields, 'listenerMetadata', (node) => this.#text(node, 'listenerMetadata'));
    const syscalls = this.#optional(fields, 'syscalls', (node) => {
      const items = this.#array(node, 'syscalls', limits.entries);
      return items.map((item, index) => this.#rule(item, `syscalls[${index}]`));
    });
    return {
      defaultAction,
      ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
      ...(archList === undefined ? {} : { architectures: archList }),
      ...(flagList === undefined ? {} : { flags: flagList }),
      ...(listenerPath === undefined ? {} : { listenerPath }),
      ...(listenerMetadata === undefined ? {} : { listenerMetadata }),
      ...(syscalls === undefined ? {} : { syscalls }),
    };
  }

  #rule(node: JsonNode, path: string): SeccompRule {
    const fields = this.#object(node, path, ruleFields);
    const namesNode = this.#required(fields, path, 'names');
    const namesPath = `${path}.names`;
    const items = this.#array(namesNode, namesPath, limits.names);
    if (items.length === 0) this.#fail(namesNode, namesPath, 'must name at least one syscall');
    this.#names += items.length;
    if (this.#names > limits.names) this.#fail(namesNode, namesPath, `more than ${limits.names} syscall names`);
    const names = items.map((item, index) => this.#name(item, `${namesPath}[${index}]`));
    const action = this.#action(this.#required(fields, path, 'action'), `${path}.action`);
    const errnoRet = this.#optional(fields, 'errnoRet', (found) => this.#errno(found, `${path}.errnoRet`));
    const args = this.#optional(fields, 'args', (found) => {
      const nodes = this.#array(found, `${path}.args`, limits.arguments);
      this.#arguments += nodes.length;
      if (this.#arguments > limits.arguments)
        this.#fail(found, `${path}.args`, `more than ${limits.arguments} conditions`);
      return nodes.map((item, index) => this.#arg(item, `${path}.args[${index}]`));
    });
    return {
      names,
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args === undefined ? {} : { args }),
    };
  }

  #arg(node: JsonNode, path: string): SeccompArg {
    const fields = this.#object(node, path, argFields);
    const index = Number(this.#integer(this.#required(fields, path, 'index'), `${path}.index`, 5n));
    const value = this.#integer(this.#required(fields, path, 'value'), `${path}.value`, maxUint64);
    const valueTwo = this.#optional(fields, 'valueTwo', (found) => this.#integer(found, `${path}.valueTwo`, maxUint64));
    const opNode = this.#required(fields, path, 'op');
    const op = this.#oneOf(opNode, `${path}.op`, 'operator', operators) as SeccompOperator;
    return { index, value, ...(valueTwo === undefined ? {} : { valueTwo }), op };
  }

  #name(node: JsonNode, path: string): string {
    if (node.type !== 'string') this.#fail(node, path, `must be a string, is ${spoken(node)}`);
    if (node.value === '') this.#fail(node, path, 'must not be empty');
    if (node.value.length > 128) this.#fail(node, path, 'is longer than 128 characters');
    return node.value;
  }

  #action(node: JsonNode, path: string): SeccompAction {
    return this.#oneOf(node, path, 'action', actions) as SeccompAction;
  }

  #errno(node: JsonNode, path: string): number {
    return Number(this.#integer(node, path, maxUint32));
  }

  #words(node: JsonNode, path: string, what: string, known: Iterable<string>): readonly string[] {
    const words = [...known];
    const items = this.#array(node, path, limits.words);
    return items.map((item, index) => this.#oneOf(item, `${path}[${index}]`, what, words));
  }

  #oneOf(node: JsonNode, path: string, what: string, known: readonly string[]): string {
    if (node.type !== 'string') this.#fail(node, path, `must be a string, is ${spoken(node)}`);
    if (known.includes(node.value)) return node.value;
    const meant = nearest(node.value, known);
    const shown = node.value.length > 64 ? `${node.value.slice(0, 64)}…` : node.value;
    const help = meant === undefined ? `; known are ${known.join(', ')}` : `; did you mean ${meant}?`;
    return this.#fail(node, path, `unknown ${what} ${JSON.stringify(shown)}${help}`);
  }

  #text(node: JsonNode, path: string): string {
    if (node.type !== 'string') this.#fail(node, path, `must be a string, is ${spoken(node)}`);
    if (node.value.length > limits.textLength) this.#fail(node, path, `is longer than ${limits.textLength} characters`);
    return node.value;
  }

  #integer(node: JsonNode, path: string, max: bigint): bigint {
    if (node.type !== 'number') this.#fail(node, path, `must be a number, is ${spoken(node)}`);
    if (!/^(0|[1-9][0-9]{0,19})$/.test(node.source)) {
      this.#fail(node, path, `must be a whole number from 0 to ${max}, is ${node.source.slice(0, 32)}`);
    }
    const value = BigInt(node.source);
    if (value > max) this.#fail(node, path, `must be a whole number from 0 to ${max}, is ${node.source}`);
    return value;
  }

  #array(node: JsonNode, path: string, most: number): readonly JsonNode[] {
    if (node.type !== 'array') this.#fail(node, path, `must be an array, is ${spoken(node)}`);
    if (node.items.length > most) this.#fail(node, path, `has ${node.items.length} items, more than ${most}`);
    return node.items;
  }

  #object(node: JsonNode, path: string, known: ReadonlySet<string>): Members {
    if (node.type !== 'object') this.#fail(node, path, `must be an object, is ${spoken(node)}`);
    for (const [key, member] of node.members) {
      if (known.has(key) || this.unknownFields.length >= limits.unknownFields) continue;
      this.unknownFields.push({
        pointer: `${pointerOf(path)}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
        position: positionOf(this.#document, member.keyAt),
      });
    }
    return node;
  }

  #required(fields: Members, path: string, name: string): JsonNode {
    const member = fields.members.get(name);
    if (member !== undefined && member.value.type !== 'null') return member.value;
    return this.#fail(fields, path, `needs "${name}"`);
  }

  /** Go writes absent lists as null: both mean absent. */
  #optional<T>(fields: Members, name: string, read: (node: JsonNode) => T): T | undefined {
    const member = fields.members.get(name);
    return member === undefined || member.value.type === 'null' ? undefined : read(member.value);
  }

  #fail(node: JsonNode, path: string, what: string): never {
    const position = positionOf(this.#document, node.at);
    throw new FairleadError('ProfileInvalid', `${position}: ${path === '' ? '' : `${path}: `}${what}`, {
      hint: 'The format is linux.seccomp of the OCI runtime-spec (config-linux.md, section Seccomp).',
      pointer: pointerOf(path),
    });
  }
}

/** `syscalls[3].action` as a JSON pointer: `/syscalls/3/action`. */
function pointerOf(path: string): string {
  return path === '' ? '' : `/${path.replaceAll('[', '.').replaceAll(']', '').replaceAll('.', '/')}`;
}

function spoken(node: JsonNode): string {
  return node.type === 'null'
    ? 'null'
    : node.type === 'array' || node.type === 'object'
      ? `an ${node.type}`
      : `a ${node.type}`;
}
