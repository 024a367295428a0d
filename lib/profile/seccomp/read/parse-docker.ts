import { FairleadError } from '#lib/errors';
import { closest } from '#lib/text/closest';
import { quote } from '#lib/text/quote';
import { foldName, KnownNames, repeatedMember, repeatedMemberHint, underKnownNames } from '../../json/known-names.ts';
import type { JsonItems, JsonMember, JsonNode } from '../../json/node.ts';
import type { JsonDocument } from '../../json/read-json.ts';
import { positionOf } from '../../json/read-json.ts';
import { type UnknownField, UnknownFields } from '../../json/unknown-fields.ts';
import type { SeccompProfile } from '../model.ts';
import { errnoNumbers } from '../tables/errno-names.ts';
import { architectures } from '../tables/vocabulary.ts';
import type { DockerCondition, DockerFilter, DockerProfile } from './docker.ts';
import { parseSeccomp } from './parse.ts';

/**
 * A profile, and the members of its document that the format does not have or has in another letter
 * case.
 */
export interface DockerReading {
  readonly docker: DockerProfile;
  readonly unknownFields: readonly UnknownField[];
}

type ObjectNode = Extract<JsonNode, { type: 'object' }>;

/** The members that the form has beside those of the runtime-spec. */
const rootNames = new KnownNames(['archMap', 'defaultErrno']);
const entryNames = new KnownNames(['name', 'includes', 'excludes', 'comment', 'errno']);
const filterFields = ['caps', 'arches', 'minKernel'] as const;
const filterNames = new KnownNames(filterFields);
const machineFields = ['architecture', 'subArchitectures'] as const;
const machineNames = new KnownNames(machineFields);

/** A member that only the form of Docker and Podman has. */
export interface DockerMember {
  /** JSON pointer (RFC 6901). */
  readonly pointer: string;
  readonly keyAt: number;
}

/**
 * Returns the first member that only profiles of Docker and Podman have, in any letter case, since
 * their decoder ignores it; undefined if the document has none.
 */
export function dockerMember(root: JsonNode): DockerMember | undefined {
  if (root.type !== 'object') return undefined;
  let syscalls: { readonly key: string; readonly value: JsonNode } | undefined;
  for (const [key, { keyAt, value }] of root.members) {
    if (rootNames.meantBy(key) !== undefined) return { pointer: `/${key}`, keyAt };
    if (foldName(key) === 'syscalls') syscalls ??= { key, value };
  }
  if (syscalls?.value.type !== 'array') return undefined;
  let index = 0;
  for (const entry of syscalls.value.items) {
    for (const [key, { keyAt }] of entry.type === 'object' ? entry.members : []) {
      if (entryNames.meantBy(key) !== undefined) return { pointer: `/${syscalls.key}/${index}/${key}`, keyAt };
    }
    index += 1;
  }
  return undefined;
}

/**
 * Reads a document in the form of Docker and Podman (github.com/moby/profiles/seccomp,
 * go.podman.io/common/pkg/seccomp), with all its entries and the conditions of each. Names of
 * errors become numbers.
 *
 * @throws FairleadError ProfileInvalid with `source:line:column`; also for unknown members of a
 * condition, since an entry would hold more often without them.
 */
export function parseDocker(document: JsonDocument): DockerReading {
  const reader = new Reader(document);
  const { profile, unknownFields } = parseSeccomp({ ...document, root: reader.root() });
  reader.refuseTwoLists(profile);
  const own = reader.unknownFields.located(document.source, document.text);
  return { docker: { profile, ...reader.conditional() }, unknownFields: [...own, ...unknownFields] };
}

class Reader {
  readonly unknownFields = new UnknownFields();
  readonly #document: JsonDocument;
  readonly #conditions: (DockerCondition | undefined)[] = [];
  #archMap: ReadonlyMap<string, readonly string[]> | undefined;
  #archMapAt = 0;

  constructor(document: JsonDocument) {
    this.#document = document;
  }

  conditional(): Omit<DockerProfile, 'profile'> {
    return { conditions: this.#conditions, ...(this.#archMap && { archMap: this.#archMap }) };
  }

  refuseTwoLists({ architectures: listed = [] }: SeccompProfile): void {
    if (this.#archMap === undefined || listed.length === 0) return;
    this.#fail(this.#archMapAt, 'archMap and architectures cannot be used together');
  }

  /**
   * Returns the document in the form of the runtime-spec, with every entry, and keeps what that has
   * no room for.
   */
  root(): JsonNode {
    const { root } = this.#document;
    if (root.type !== 'object') return root;
    const members = new Map(this.#spelled(root, '', rootNames).members);
    const archMap = members.get('archMap');
    members.delete('archMap');
    if (archMap !== undefined && archMap.value.type !== 'null') {
      this.#archMap = this.#machines(archMap.value);
      this.#archMapAt = archMap.keyAt;
    }
    this.#numberErrno(members, 'defaultErrno', 'defaultErrnoRet');
    const syscalls = members.get('syscalls');
    if (syscalls?.value.type === 'array') {
      const { items } = syscalls.value;
      let index = 0;
      for (const item of items) {
        this.#conditions.push(this.#condition(item, `/syscalls/${index}`));
        index += 1;
      }
      members.set('syscalls', { keyAt: syscalls.keyAt, value: { ...syscalls.value, items: this.#entries(items) } });
    }
    return { ...root, members };
  }

  /**
   * Rewritten in each pass: if they were kept, the entries of a big profile would take thirty times
   * as much as its text.
   */
  #entries(items: JsonItems): JsonItems {
    const rewritten = () => this.#rewritten(items);
    return { length: items.length, [Symbol.iterator]: rewritten };
  }

  *#rewritten(items: JsonItems): IterableIterator<JsonNode> {
    for (const item of items) yield item.type === 'object' ? this.#entry(item) : item;
  }

  #entry(item: ObjectNode): JsonNode {
    const members = new Map(this.#spelled(item, undefined, entryNames).members);
    for (const name of ['includes', 'excludes', 'comment']) members.delete(name);
    const name = members.get('name');
    members.delete('name');
    if (name !== undefined && name.value.type !== 'null' && name.value.type !== 'string') {
      this.#fail(name.value.at, 'name must be a string');
    }
    if (name !== undefined && isText(name.value)) {
      for (const [key, { value }] of members) {
        if (foldName(key) !== 'names') continue;
        const isEmpty = value.type === 'null' || (value.type === 'array' && value.items.length === 0);
        if (!isEmpty) this.#fail(name.keyAt, 'name and names cannot be used together');
        members.delete(key);
      }
      members.set('names', { keyAt: name.keyAt, value: { type: 'array', at: name.value.at, items: [name.value] } });
    }
    this.#numberErrno(members, 'errno', 'errnoRet');
    return { ...item, members };
  }

  #condition(item: JsonNode, pointer: string): DockerCondition | undefined {
    if (item.type !== 'object') return undefined;
    const { members } = this.#spelled(item, pointer, entryNames);
    const includes = this.#filter(members.get('includes')?.value, `${pointer}/includes`);
    const excludes = this.#filter(members.get('excludes')?.value, `${pointer}/excludes`);
    if (includes === undefined && excludes === undefined) return undefined;
    return { includes: includes ?? anything, excludes: excludes ?? anything };
  }

  /** Undefined for a filter that asks for nothing. */
  #filter(filter: JsonNode | undefined, pointer: string): DockerFilter | undefined {
    if (filter === undefined || filter.type === 'null') return undefined;
    const name = pointer.slice(pointer.lastIndexOf('/') + 1);
    if (filter.type !== 'object') return this.#fail(filter.at, `${name} must be an object`);
    const { members } = this.#only(filter, pointer, filterNames, filterFields);
    const capabilities = this.#texts(members.get('caps')?.value, `${name}.caps`);
    const machines = this.#texts(members.get('arches')?.value, `${name}.arches`);
    const minKernel = this.#kernel(members.get('minKernel')?.value, `${name}.minKernel`);
    if (capabilities.length === 0 && machines.length === 0 && minKernel === undefined) return undefined;
    return { capabilities, machines, ...(minKernel && { minKernel }) };
  }

  #kernel(node: JsonNode | undefined, what: string): string | undefined {
    if (node === undefined || node.type === 'null') return undefined;
    if (node.type !== 'string') return this.#fail(node.at, `${what} must be a string`);
    if (node.value === '') return undefined;
    if (/^\d{1,3}\.\d{1,3}$/.test(node.value)) return node.value;
    return this.#fail(node.at, `${what} must be two numbers like 4.8, is ${JSON.stringify(node.value)}`);
  }

  #machines(archMap: JsonNode): ReadonlyMap<string, readonly string[]> {
    if (archMap.type !== 'array') return this.#fail(archMap.at, 'archMap must be an array');
    const machines = new Map<string, readonly string[]>();
    let index = 0;
    for (const entry of archMap.items) {
      if (entry.type !== 'object') return this.#fail(entry.at, 'archMap must hold objects');
      const { members } = this.#only(entry, `/archMap/${index}`, machineNames, machineFields);
      const native = members.get('architecture')?.value ?? entry;
      const [name] = this.#architectures([native], 'archMap: "architecture"');
      const others = members.get('subArchitectures')?.value;
      if (others !== undefined && others.type !== 'null' && others.type !== 'array') {
        return this.#fail(others.at, 'archMap: "subArchitectures" must be an array');
      }
      const guests = this.#architectures(others?.type === 'array' ? others.items : [], 'archMap: "subArchitectures"');
      // Docker takes the first entry of a machine.
      if (name !== undefined && !machines.has(name)) machines.set(name, [name, ...guests]);
      index += 1;
    }
    return machines;
  }

  #architectures(nodes: Iterable<JsonNode>, what: string): readonly string[] {
    return Array.from(nodes, (node) => {
      if (node.type !== 'string') return this.#fail(node.at, `${what} must be a string`);
      if (architectures.has(node.value)) return node.value;
      const meant = closest(node.value, architectures.keys());
      const help = meant === undefined ? '' : `; did you mean ${meant}?`;
      return this.#fail(node.at, `${what}: unknown architecture ${quote(node.value, 64)}${help}`);
    });
  }

  #texts(list: JsonNode | undefined, what: string): readonly string[] {
    if (list === undefined || list.type === 'null') return [];
    if (list.type !== 'array') return this.#fail(list.at, `${what} must be an array`);
    return Array.from(list.items, (item) =>
      item.type === 'string' ? item.value : this.#fail(item.at, `${what} must hold strings`),
    );
  }

  /** Podman specifies errors by name, and numbers that mean the same for readers that know none. */
  #numberErrno(members: Map<string, JsonMember>, from: string, to: string): void {
    const member = members.get(from);
    members.delete(from);
    if (member === undefined || !isText(member.value)) return;
    const { value: name, at } = member.value;
    const errno = /^\d{1,10}$/.test(name) ? Number(name) : errnoNumbers[name];
    if (errno === undefined) this.#fail(at, `${from}: specify ${to} for ${quote(name, 64)}`);
    const number = members.get(to)?.value;
    if (number !== undefined && number.type !== 'null' && !(number.type === 'number' && number.source === `${errno}`)) {
      this.#fail(member.keyAt, `${from} and ${to} contradict each other, and readers differ in which one they use`);
    }
    members.set(to, { keyAt: member.keyAt, value: { type: 'number', at, source: `${errno}` } });
  }

  /**
   * Returns an object under the names that are known; without a pointer, those that are respelled
   * were noted before.
   */
  #spelled(node: ObjectNode, pointer: string | undefined, known: KnownNames): ObjectNode {
    return underKnownNames(node, known, {
      respelled: (name, meant, keyAt) => {
        if (pointer !== undefined) this.unknownFields.noteRespelled(pointer, name, meant, keyAt);
      },
      repeated: (name, meant, keyAt) => {
        const position = positionOf(this.#document, keyAt);
        throw new FairleadError('ProfileInvalid', `${position}: ${repeatedMember(name, meant)}`, {
          hint: repeatedMemberHint,
        });
      },
    });
  }

  /** Returns the same for objects in which nothing else may be. */
  #only(node: ObjectNode, pointer: string, known: KnownNames, names: readonly string[]): ObjectNode {
    for (const [key, { keyAt }] of node.members) {
      if (known.meantBy(key) !== undefined) continue;
      const meant = closest(key, names);
      const help = meant === undefined ? `known are ${names.join(', ')}` : `did you mean ${meant}?`;
      this.#fail(keyAt, `${pointer}: unknown member ${quote(key, 64)}; ${help}`);
    }
    return this.#spelled(node, pointer, known);
  }

  #fail(at: number, what: string): never {
    throw new FairleadError('ProfileInvalid', `${positionOf(this.#document, at)}: ${what}`, {
      hint: 'The format is that of Docker and Podman: archMap, and includes and excludes by caps, arches and minKernel.',
    });
  }
}

const anything: DockerFilter = { capabilities: [], machines: [] };

/** Reports whether a node is a string that is not empty: Go writes an absent string as "". */
function isText(node: JsonNode): node is Extract<JsonNode, { type: 'string' }> {
  return node.type === 'string' && node.value !== '';
}
