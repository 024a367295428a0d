import { FairleadError } from '#lib/errors';
import { closest } from '#lib/text/closest';
import { quote } from '#lib/text/quote';
import { KnownNames, respelledMember } from '../json/known-names.ts';
import type { JsonNode } from '../json/node.ts';
import type { JsonDocument } from '../json/read-json.ts';
import { positionOf } from '../json/read-json.ts';
import { type UnknownField, UnknownFields } from '../json/unknown-fields.ts';
import { isResourceName, resourceNameRule } from '../resource-name.ts';
import { parseGlob } from './glob/parse-glob.ts';
import type { AppArmorMode, AppArmorProfile } from './model.ts';
import { capabilities, limits } from './vocabulary.ts';

/**
 * The API group of the custom resource in which the Security Profiles Operator keeps these
 * profiles.
 */
export const customResourceGroup = 'security-profiles-operator.x-k8s.io';

const apiVersions = [`${customResourceGroup}/v1`, `${customResourceGroup}/v1alpha1`];

/** A profile as read, with its name in a custom resource, and what was dropped from it. */
export interface ParsedAppArmor {
  readonly profile: AppArmorProfile;
  readonly name?: string;
  readonly unknownFields: readonly UnknownField[];
}

type Members = Extract<JsonNode, { type: 'object' }>;

/** The members of a structured AppArmor profile. */
export const sections = ['executable', 'filesystem', 'network', 'capability'] as const;

/** Sections that permit nothing: what SPO reads where a custom resource has none. */
const emptySections = {
  executable: { allowedExecutables: [], allowedLibraries: [] },
  filesystem: { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: [] },
  network: { allowRaw: false, allowTcp: false, allowUdp: false },
  capability: { allowedCapabilities: [] },
} as const satisfies Partial<AppArmorProfile>;

/**
 * Reads a structured AppArmor profile: KEP-6061's JSON, or SPO's AppArmorProfile (v1; of older ones
 * `complainMode` too). The two differ in what an absent section means: in the JSON it stays absent
 * and is unspecified; in the custom resource it permits nothing, and is read as an empty one.
 *
 * Every string is checked, so that no later step has to. A section of an unknown name is refused:
 * in JSON, the profile would permit more without it than its author intended; unknown fields
 * elsewhere can only grant, and are dropped. A member in another letter case is refused: readers
 * differ in whether they take it.
 *
 * @throws FairleadError ProfileInvalid: `source:line:column: filesystem.readOnlyPaths[3]: …`;
 * LimitExceeded.
 */
export function parseAppArmor(document: JsonDocument): ParsedAppArmor {
  const reader = new Reader(document);
  const root = reader.object(document.root, '');
  if (!root.members.has('kind') && !root.members.has('apiVersion')) {
    const profile = reader.profile(root, '', 'Enforce');
    return { profile, unknownFields: reader.unknownFields.located(document.source, document.text) };
  }
  const { profile, name } = reader.customResource(root);
  const unknownFields = reader.unknownFields.located(document.source, document.text);
  return { profile, ...(name === undefined ? {} : { name }), unknownFields };
}

class Reader {
  readonly unknownFields = new UnknownFields();
  readonly #document: JsonDocument;
  #paths = 0;

  constructor(document: JsonDocument) {
    this.#document = document;
  }

  customResource(root: Members): { profile: AppArmorProfile; name: string | undefined } {
    this.#known(root, '', ['apiVersion', 'kind', 'metadata', 'spec', 'status']);
    this.#oneOf(this.#required(root, '', 'apiVersion'), 'apiVersion', apiVersions);
    this.#oneOf(this.#required(root, '', 'kind'), 'kind', ['AppArmorProfile']);
    const metadata = this.#optional(root, 'metadata', (node) => this.object(node, 'metadata'));
    const name = metadata && this.#optional(metadata, 'name', (node) => this.#name(node));
    const spec = this.object(this.#required(root, '', 'spec'), 'spec');
    this.#known(spec, 'spec', ['abstract', 'complainMode', 'disabled', 'mode', 'policy', 'state']);
    this.#optional(spec, 'policy', (node) => {
      if (node.type !== 'string' || node.value !== '') {
        this.#fail(node, 'spec.policy', 'policy text is not accepted: write the rules into spec.abstract');
      }
    });
    // Whether the profile is in use is the operator's business; here it must only be valid.
    this.#optional(spec, 'state', (node) => this.#oneOf(node, 'spec.state', ['Enabled', 'Disabled']));
    this.#optional(spec, 'disabled', (node) => this.#boolean(node, 'spec.disabled'));
    const abstract = this.object(this.#required(spec, 'spec', 'abstract'), 'spec.abstract');
    return { profile: { ...emptySections, ...this.profile(abstract, 'spec.abstract', this.#mode(spec)) }, name };
  }

  #name(node: JsonNode): string {
    const name = this.#text(node, 'metadata.name');
    if (isResourceName(name)) return name;
    return this.#fail(node, 'metadata.name', `${quote(name, 64)} must be ${resourceNameRule}`);
  }

  #mode(spec: Members): AppArmorMode {
    const mode = this.#optional(spec, 'mode', (node) => this.#oneOf(node, 'spec.mode', ['Enforce', 'Complain']));
    const complain = this.#optional(spec, 'complainMode', (node) => this.#boolean(node, 'spec.complainMode'));
    if (mode !== undefined && complain !== undefined && complain !== (mode === 'Complain')) {
      this.#fail(spec, 'spec', `complainMode contradicts mode ${mode}`);
    }
    return mode === 'Complain' || complain === true ? 'Complain' : 'Enforce';
  }

  profile(root: Members, path: string, mode: AppArmorMode): AppArmorProfile {
    for (const [key, member] of root.members) {
      // Later versions of SPO have it; those rules come from the runtime's template here.
      if (key === 'ptrace') this.#drop(member.keyAt, path, key);
      else if (!sections.some((section) => section === key)) {
        const meant = closest(key, sections);
        const help = meant === undefined ? `the sections are ${sections.join(', ')}` : `did you mean ${meant}?`;
        this.#failAt(member.keyAt, join(path, key.slice(0, 64)), `unknown section; ${help}`);
      }
    }
    const executable = this.#section(root, path, 'executable', ['allowedExecutables', 'allowedLibraries']);
    const filesystem = this.#section(root, path, 'filesystem', ['readOnlyPaths', 'writeOnlyPaths', 'readWritePaths']);
    const network = this.#network(root, path);
    const capability = this.#optional(root, 'capability', (node) => {
      const at = join(path, 'capability');
      const fields = this.object(node, at);
      this.#known(fields, at, ['allowedCapabilities']);
      const list = this.#list(fields, at, 'allowedCapabilities', 64, (item, where) => this.#capability(item, where));
      return { allowedCapabilities: list };
    });
    return {
      mode,
      ...(executable === undefined ? {} : { executable }),
      ...(filesystem === undefined ? {} : { filesystem }),
      ...(network === undefined ? {} : { network }),
      ...(capability === undefined ? {} : { capability }),
    };
  }

  /** Returns a section whose fields are lists of paths; a list that is not there is empty. */
  #section<Name extends string>(root: Members, path: string, section: string, names: readonly Name[]) {
    return this.#optional(root, section, (node) => {
      const at = join(path, section);
      const fields = this.object(node, at);
      this.#known(fields, at, names);
      const lists = names.map((name) => [name, this.#list(fields, at, name, limits.paths, this.#path)] as const);
      return Object.fromEntries(lists) as Record<Name, readonly string[]>;
    });
  }

  #network(root: Members, path: string) {
    return this.#optional(root, 'network', (node) => {
      const at = join(path, 'network');
      const fields = this.object(node, at);
      this.#known(fields, at, ['allowRaw', 'allowedProtocols']);
      const flag = (from: Members, where: string, name: string): boolean =>
        this.#optional(from, name, (found) => this.#boolean(found, join(where, name))) ?? false;
      const protocols = this.#optional(fields, 'allowedProtocols', (found) => {
        const where = join(at, 'allowedProtocols');
        const members = this.object(found, where);
        this.#known(members, where, ['allowTcp', 'allowUdp']);
        return { allowTcp: flag(members, where, 'allowTcp'), allowUdp: flag(members, where, 'allowUdp') };
      });
      return { allowRaw: flag(fields, at, 'allowRaw'), ...(protocols ?? { allowTcp: false, allowUdp: false }) };
    });
  }

  #list(
    fields: Members,
    path: string,
    name: string,
    most: number,
    read: (node: JsonNode, path: string) => string,
  ): readonly string[] {
    const where = join(path, name);
    const list = this.#optional(fields, name, (node) => {
      if (node.type !== 'array') this.#fail(node, where, `must be an array, is ${spoken(node)}`);
      if (node.items.length > most) this.#fail(node, where, `has ${node.items.length} items, more than ${most}`);
      return Array.from(node.items, (item, index) => read(item, `${where}[${index}]`));
    });
    return list ?? [];
  }

  readonly #path = (node: JsonNode, path: string): string => {
    const text = this.#text(node, path);
    this.#paths += 1;
    if (this.#paths > limits.paths) this.#fail(node, path, `more than ${limits.paths} paths`);
    const glob = parseGlob(text);
    if ('fault' in glob) this.#fail(node, path, `${quote(text, 64)}: ${glob.fault}`);
    return text;
  };

  #capability(node: JsonNode, path: string): string {
    const text = this.#text(node, path);
    const name = /^[A-Za-z_]{1,64}$/.test(text) ? text.toLowerCase() : text;
    if (capabilities.has(name)) return name;
    const meant = closest(name.replace(/^cap_/, ''), capabilities);
    const help = meant === undefined ? 'capabilities(7) lists no such capability' : `did you mean ${meant}?`;
    return this.#fail(node, path, `unknown capability ${quote(text, 64)}: ${help}`);
  }

  #oneOf<Word extends string>(node: JsonNode, path: string, words: readonly Word[]): Word {
    const text = this.#text(node, path);
    const found = words.find((word) => word === text);
    return found ?? this.#fail(node, path, `must be ${words.join(' or ')}, is ${quote(text, 64)}`);
  }

  #text(node: JsonNode, path: string): string {
    return node.type === 'string' ? node.value : this.#fail(node, path, `must be a string, is ${spoken(node)}`);
  }

  #boolean(node: JsonNode, path: string): boolean {
    return node.type === 'boolean' ? node.value : this.#fail(node, path, `must be true or false, is ${spoken(node)}`);
  }

  object(node: JsonNode, path: string): Members {
    return node.type === 'object' ? node : this.#fail(node, path, `must be an object, is ${spoken(node)}`);
  }

  #required(fields: Members, path: string, name: string): JsonNode {
    const member = fields.members.get(name);
    if (member !== undefined && member.value.type !== 'null') return member.value;
    return this.#fail(fields, path, `needs "${name}"`);
  }

  /** Go writes absent sections and lists as null: both mean absent. */
  #optional<T>(fields: Members, name: string, read: (node: JsonNode) => T): T | undefined {
    const member = fields.members.get(name);
    return member === undefined || member.value.type === 'null' ? undefined : read(member.value);
  }

  /**
   * Drops and notes the members that are not in `names`; in another letter case, they are refused.
   */
  #known(fields: Members, path: string, names: readonly string[]): void {
    const known = new KnownNames(names);
    for (const [key, { keyAt }] of fields.members) {
      if (known.has(key)) continue;
      const meant = known.meantBy(key);
      if (meant !== undefined) this.#failAt(keyAt, path, respelledMember(key, meant));
      this.#drop(keyAt, path, key, known.near(key, fields));
    }
  }

  #drop(keyAt: number, path: string, key: string, meant?: string): void {
    this.unknownFields.note(pointerOf(path), key, keyAt, meant);
  }

  #fail(node: JsonNode, path: string, what: string): never {
    return this.#failAt(node.at, path, what);
  }

  #failAt(at: number, path: string, what: string): never {
    const position = positionOf(this.#document, at);
    throw new FairleadError('ProfileInvalid', `${position}: ${path === '' ? '' : `${path}: `}${what}`, {
      hint: "The format is the structured AppArmor profile of KEP-6061, or SPO's AppArmorProfile that holds one.",
      pointer: pointerOf(path),
    });
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/**
 * Returns a path such as `filesystem.readOnlyPaths[3]` as a JSON pointer:
 * `/filesystem/readOnlyPaths/3`.
 */
function pointerOf(path: string): string {
  return path === '' ? '' : `/${path.replaceAll('[', '.').replaceAll(']', '').replaceAll('.', '/')}`;
}

function spoken(node: JsonNode): string {
  if (node.type === 'null') return 'null';
  return node.type === 'array' || node.type === 'object' ? `an ${node.type}` : `a ${node.type}`;
}
