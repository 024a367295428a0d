import { FairleadError } from '#lib/errors';
import { closest } from '#lib/text/closest';
import { KnownNames, repeatedMember, repeatedMemberHint, underKnownNames } from '../../json/known-names.ts';
import type { JsonItems, JsonNode } from '../../json/node.ts';
import type { JsonDocument } from '../../json/read-json.ts';
import { positionOf } from '../../json/read-json.ts';
import { type UnknownField, UnknownFields } from '../../json/unknown-fields.ts';
import type { SeccompAction, SeccompArg, SeccompOperator, SeccompProfile, SeccompRule } from '../model.ts';
import { actions, architectures, flags, operators } from '../tables/vocabulary.ts';
import { assembleArg, assembleProfile, assembleRule } from './assemble.ts';
import { limits } from './limits.ts';

const profileFields = new KnownNames([
  'defaultAction',
  'defaultErrnoRet',
  'architectures',
  'flags',
  'listenerPath',
  'listenerMetadata',
  'syscalls',
]);
const ruleFields = new KnownNames(['names', 'action', 'errnoRet', 'args']);
const argFields = new KnownNames(['index', 'value', 'valueTwo', 'op']);
const maxUint32 = 0xffff_ffffn;
const maxUint64 = 0xffff_ffff_ffff_ffffn;

/**
 * A profile, and the members of its document that the format does not have or has in another letter
 * case.
 */
export interface SeccompReading {
  readonly profile: SeccompProfile;
  readonly unknownFields: readonly UnknownField[];
}

/**
 * Parses a document in the form of runtime-spec 1.2 (config-linux.md#seccomp), as Go's decoder in
 * runtimes does by default: it ignores unknown members and the case of letters. Both are reported
 * beside the profile, for callers that refuse them.
 *
 * @param path where the profile is in the document, for messages and pointers.
 * @throws FairleadError ProfileInvalid: `source:line:column: syscalls[3].action: …`; also for
 * members that an object has twice, in whatever case.
 */
export function parseSeccomp(document: JsonDocument, path: readonly string[] = []): SeccompReading {
  const parser = new Parser(document, path);
  const profile = parser.profile(document.root);
  return { profile, unknownFields: parser.unknownFields.located(document.source, document.text) };
}

type Members = Extract<JsonNode, { type: 'object' }>;

class Parser {
  readonly unknownFields = new UnknownFields();
  readonly #document: JsonDocument;
  /**
   * Where the parser is: `syscalls`, 3, `action`. Kept up as it goes, and made into text only for
   * messages.
   */
  readonly #path: (string | number)[];
  readonly #different = new Set<string>();
  #names = 0;
  #arguments = 0;

  constructor(document: JsonDocument, path: readonly string[]) {
    this.#document = document;
    this.#path = [...path];
  }

  profile(root: JsonNode): SeccompProfile {
    const fields = this.#object(root, profileFields);
    const defaultAction = this.#required(fields, 'defaultAction', this.#action);
    const defaultErrnoRet = this.#optional(fields, 'defaultErrnoRet', this.#errno);
    const archList = this.#optional(fields, 'architectures', (node) =>
      this.#words(node, 'architecture', architectures.keys()),
    );
    const flagList = this.#optional(fields, 'flags', (node) => this.#words(node, 'flag', flags));
    const listenerPath = this.#optional(fields, 'listenerPath', this.#text);
    const listenerMetadata = this.#optional(fields, 'listenerMetadata', this.#text);
    const syscalls = this.#optional(fields, 'syscalls', (node) => this.#items(node, limits.entries, this.#rule));
    return assembleProfile({
      defaultAction,
      defaultErrnoRet,
      architectures: archList,
      flags: flagList,
      listenerPath,
      listenerMetadata,
      syscalls,
    });
  }

  readonly #rule = (node: JsonNode): SeccompRule => {
    const fields = this.#object(node, ruleFields);
    const names = this.#required(fields, 'names', this.#nameList);
    const action = this.#required(fields, 'action', this.#action);
    const errnoRet = this.#optional(fields, 'errnoRet', this.#errno);
    const args = this.#optional(fields, 'args', this.#argList);
    return assembleRule(names, action, errnoRet, args);
  };

  readonly #nameList = (node: JsonNode): readonly string[] => {
    const { length } = this.#array(node, limits.names);
    if (length === 0) this.#fail(node, 'must name at least one syscall');
    this.#names += length;
    if (this.#names > limits.names) this.#fail(node, `more than ${limits.names} syscall names`);
    const names = this.#items(node, limits.names, this.#name);
    for (const name of names) this.#different.add(name);
    if (this.#different.size > limits.different) {
      this.#fail(node, `more than ${limits.different} different syscalls; kernels have a few hundred`);
    }
    return names;
  };

  readonly #argList = (node: JsonNode): readonly SeccompArg[] => {
    this.#arguments += this.#array(node, limits.arguments).length;
    if (this.#arguments > limits.arguments) this.#fail(node, `more than ${limits.arguments} conditions`);
    return this.#items(node, limits.arguments, this.#arg);
  };

  readonly #arg = (node: JsonNode): SeccompArg => {
    const fields = this.#object(node, argFields);
    const index = this.#required(fields, 'index', this.#index);
    const value = this.#required(fields, 'value', this.#value);
    const valueTwo = this.#optional(fields, 'valueTwo', this.#value);
    const op = this.#required(fields, 'op', this.#operator);
    return assembleArg(index, value, valueTwo, op);
  };

  readonly #name = (node: JsonNode): string => {
    if (node.type !== 'string') this.#fail(node, `must be a string, is ${spoken(node)}`);
    if (node.value === '') this.#fail(node, 'must not be empty');
    if (node.value.length > 128) this.#fail(node, 'is longer than 128 characters');
    // Runtimes pass names on as C strings: "clone\0" would be another syscall here, and clone
    // there.
    if (node.value.includes('\0')) this.#fail(node, 'must not contain a NUL, at which runtimes end the name');
    return node.value;
  };

  readonly #action = (node: JsonNode) => this.#oneOf(node, 'action', actions) as SeccompAction;

  readonly #operator = (node: JsonNode) => this.#oneOf(node, 'operator', operators) as SeccompOperator;

  readonly #errno = (node: JsonNode) => Number(this.#integer(node, maxUint32));

  readonly #index = (node: JsonNode) => Number(this.#integer(node, 5n));

  readonly #value = (node: JsonNode) => this.#integer(node, maxUint64);

  #words(node: JsonNode, what: string, known: Iterable<string>): readonly string[] {
    const words = [...known];
    return this.#items(node, limits.words, (item) => this.#oneOf(item, what, words));
  }

  #oneOf(node: JsonNode, what: string, known: readonly string[]): string {
    if (node.type !== 'string') this.#fail(node, `must be a string, is ${spoken(node)}`);
    const found = known.indexOf(node.value);
    // The known word itself, not the text's: thousands of entries share it.
    if (found >= 0) return known[found] ?? node.value;
    const meant = closest(node.value, known);
    const shown = node.value.length > 64 ? `${node.value.slice(0, 64)}…` : node.value;
    const help = meant === undefined ? `; known are ${known.join(', ')}` : `; did you mean ${meant}?`;
    return this.#fail(node, `unknown ${what} ${JSON.stringify(shown)}${help}`);
  }

  readonly #text = (node: JsonNode): string => {
    if (node.type !== 'string') this.#fail(node, `must be a string, is ${spoken(node)}`);
    if (node.value.length > limits.textLength) this.#fail(node, `is longer than ${limits.textLength} characters`);
    return node.value;
  };

  #integer(node: JsonNode, max: bigint): bigint {
    if (node.type !== 'number') this.#fail(node, `must be a number, is ${spoken(node)}`);
    if (!/^(0|[1-9][0-9]{0,19})$/.test(node.source)) {
      this.#fail(node, `must be a whole number from 0 to ${max}, is ${node.source.slice(0, 32)}`);
    }
    const value = BigInt(node.source);
    if (value > max) this.#fail(node, `must be a whole number from 0 to ${max}, is ${node.source}`);
    return value;
  }

  #array(node: JsonNode, most: number): JsonItems {
    if (node.type !== 'array') this.#fail(node, `must be an array, is ${spoken(node)}`);
    if (node.items.length > most) this.#fail(node, `has ${node.items.length} items, more than ${most}`);
    return node.items;
  }

  #items<T>(node: JsonNode, most: number, read: (node: JsonNode) => T): readonly T[] {
    const nodes = this.#array(node, most);
    const items = new Array<T>(nodes.length);
    let index = 0;
    for (const item of nodes) {
      items[index] = this.#under(index, item, read);
      index += 1;
    }
    return items;
  }

  #object(node: JsonNode, known: KnownNames): Members {
    if (node.type !== 'object') this.#fail(node, `must be an object, is ${spoken(node)}`);
    return known.cover(node) ? node : this.#withUnknown(node, known);
  }

  #withUnknown(node: Members, known: KnownNames): Members {
    const parent = pointerOf(this.#path);
    for (const [key, { keyAt }] of node.members) {
      if (known.meantBy(key) === undefined) {
        this.unknownFields.note(parent, key, keyAt, known.near(key, node));
      }
    }
    return underKnownNames(node, known, {
      respelled: (name, meant, keyAt) => this.unknownFields.noteRespelled(parent, name, meant, keyAt),
      repeated: (name, meant, keyAt) => this.#failRepeated(name, meant, keyAt),
    });
  }

  #failRepeated(name: string, meant: string, keyAt: number): never {
    const position = positionOf(this.#document, keyAt);
    throw new FairleadError('ProfileInvalid', `${position}: ${repeatedMember(name, meant)}`, {
      hint: repeatedMemberHint,
      pointer: pointerOf(this.#path),
    });
  }

  #required<T>(fields: Members, name: string, read: (node: JsonNode) => T): T {
    const member = fields.members.get(name);
    if (member !== undefined && member.value.type !== 'null') return this.#under(name, member.value, read);
    return this.#fail(fields, `needs "${name}"`);
  }

  /** Go writes absent lists as null: both mean absent. */
  #optional<T>(fields: Members, name: string, read: (node: JsonNode) => T): T | undefined {
    const member = fields.members.get(name);
    if (member === undefined || member.value.type === 'null') return undefined;
    return this.#under(name, member.value, read);
  }

  /** Reads what is one step further; if that fails, the path stays, for the message. */
  #under<T>(step: string | number, node: JsonNode, read: (node: JsonNode) => T): T {
    this.#path.push(step);
    const result = read(node);
    this.#path.pop();
    return result;
  }

  #fail(node: JsonNode, what: string): never {
    const position = positionOf(this.#document, node.at);
    const path = textOf(this.#path);
    throw new FairleadError('ProfileInvalid', `${position}: ${path === '' ? '' : `${path}: `}${what}`, {
      hint: 'The format is linux.seccomp of the OCI runtime-spec (config-linux.md, section Seccomp).',
      pointer: pointerOf(this.#path),
    });
  }
}

/** Returns a path as text: `syscalls[3].action` */
function textOf(path: readonly (string | number)[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

/**
 * Returns a path as a JSON pointer (RFC 6901): `/syscalls/3/action`. None of the known fields has a
 * character to escape.
 */
function pointerOf(path: readonly (string | number)[]): string {
  return path.map((step) => `/${step}`).join('');
}

function spoken(node: JsonNode): string {
  return node.type === 'null'
    ? 'null'
    : node.type === 'array' || node.type === 'object'
      ? `an ${node.type}`
      : `a ${node.type}`;
}
