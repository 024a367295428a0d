import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { KnownNames, respelledMember } from '../json/known-names.ts';
import type { JsonNode } from '../json/node.ts';
import { type JsonDocument, positionOf } from '../json/read-json.ts';
import { type UnknownField, UnknownFields } from '../json/unknown-fields.ts';
import type { AllowMap, ClassPermissions, Inherit, RawSelinuxProfile, SelinuxProfile } from './model.ts';
import { SELF } from './model.ts';
import { blockNameProblem, type NameProblem, plainNameProblem, typeNameProblem } from './names.ts';
import { parsePolicy } from './parse-policy.ts';

/** The group of SPO's custom resources; v1alpha2 is the older form. */
export const selinuxApiVersions: readonly string[] = [
  'security-profiles-operator.x-k8s.io/v1',
  'security-profiles-operator.x-k8s.io/v1alpha2',
];

/** A profile as read, with what was dropped from it. */
export interface Parsed<Profile> {
  readonly profile: Profile;
  readonly unknownFields: readonly UnknownField[];
}

/** Counts beyond which a profile is refused; the largest known have some hundred rules. */
const limits = { inherits: 64, targets: 4_096, permissions: 65_536 };

type ObjectNode = Extract<JsonNode, { type: 'object' }>;

/**
 * Reads SPO's SelinuxProfile, v1 or v1alpha2, whose older form has `permissive: true` in place of
 * `mode`. Every name in the result is safe to write into CIL.
 *
 * @throws FairleadError ProfileInvalid: `source:line:column: spec.allow.var_log_t: …`.
 */
export function parseSelinux(document: JsonDocument): Parsed<SelinuxProfile> {
  const reader = new Reader(document);
  const { name, spec, isOlder } = reader.resource('SelinuxProfile');
  reader.known(spec, 'spec', ['allow', 'inherit', 'mode', 'state', ...(isOlder ? ['permissive', 'disabled'] : [])]);
  reader.state(spec, isOlder);
  const inherit = reader.optional(spec, 'inherit', (node) => readInherits(reader, node));
  const allow = reader.optional(spec, 'allow', (node) => readAllow(reader, node));
  const profile: SelinuxProfile = {
    kind: 'SELinux',
    name,
    mode: readMode(reader, spec, isOlder),
    inherit: inherit ?? [{ kind: 'System', name: 'container' }],
    allow: allow ?? new Map(),
  };
  return { profile, unknownFields: reader.unknownFields.located(document.source, document.text) };
}

/**
 * Reads SPO's RawSelinuxProfile, v1 or v1alpha2.
 *
 * @throws FairleadError ProfileInvalid; positions within the policy are `source:
 * spec.policy:line:column`.
 */
export function parseRawSelinux(document: JsonDocument): Parsed<RawSelinuxProfile> {
  const reader = new Reader(document);
  const { name, spec, isOlder } = reader.resource('RawSelinuxProfile');
  reader.known(spec, 'spec', ['policy', 'state', ...(isOlder ? ['disabled'] : [])]);
  reader.state(spec, isOlder);
  const text = reader.text(reader.required(spec, 'spec', 'policy'), 'spec.policy');
  const profile: RawSelinuxProfile = {
    kind: 'RawSELinux',
    name,
    policy: parsePolicy(text, `${document.source}: spec.policy`),
  };
  return { profile, unknownFields: reader.unknownFields.located(document.source, document.text) };
}

function readMode(reader: Reader, spec: ObjectNode, isOlder: boolean): SelinuxProfile['mode'] {
  const mode = reader.optional(spec, 'mode', (node) => reader.oneOf(node, 'spec.mode', ['Enforcing', 'Permissive']));
  if (!isOlder) return mode ?? 'Enforcing';
  const older = reader.optional(spec, 'permissive', (node) => {
    const permissive = reader.boolean(node, 'spec.permissive') ? 'Permissive' : 'Enforcing';
    if (mode !== undefined && mode !== permissive)
      reader.fail(node, 'spec.permissive', `contradicts spec.mode ${mode}`);
    return permissive;
  });
  return mode ?? older ?? 'Enforcing';
}

function readInherits(reader: Reader, node: JsonNode): readonly Inherit[] {
  const items = reader.array(node, 'spec.inherit', limits.inherits);
  return items.map((item, index) => {
    const path = `spec.inherit[${index}]`;
    const fields = reader.object(item, path);
    reader.known(fields, path, ['kind', 'name']);
    const kind = reader.optional(fields, 'kind', (found) =>
      reader.oneOf(found, `${path}.kind`, ['System', 'SelinuxProfile']),
    );
    const name = reader.name(reader.required(fields, path, 'name'), `${path}.name`, blockNameProblem);
    return { kind: kind ?? 'System', name };
  });
}

function readAllow(reader: Reader, node: JsonNode): AllowMap {
  const allow = new Map<string, ClassPermissions>();
  const targets = reader.object(node, 'spec.allow');
  if (targets.members.size > limits.targets) reader.fail(node, 'spec.allow', `has more than ${limits.targets} types`);
  let count = 0;
  for (const [target, { value, keyAt }] of targets.members) {
    if (target !== SELF) reader.checkName(keyAt, 'spec.allow', target, typeNameProblem);
    const classes = new Map<string, ReadonlySet<string>>();
    for (const [objectClass, member] of reader.object(value, `spec.allow.${target}`).members) {
      reader.checkName(member.keyAt, `spec.allow.${target}`, objectClass, plainNameProblem);
      const path = `spec.allow.${target}.${objectClass}`;
      const items = reader.array(member.value, path, limits.permissions);
      count += items.length;
      if (count > limits.permissions) reader.fail(member.value, path, `more than ${limits.permissions} permissions`);
      const names = items.map((item, index) => reader.name(item, `${path}[${index}]`, plainNameProblem));
      classes.set(objectClass, new Set(names));
    }
    allow.set(target, classes);
  }
  return allow;
}

/** Reads the parts that the two resources have in common, and reports where something is wrong. */
class Reader {
  readonly unknownFields = new UnknownFields();
  readonly #document: JsonDocument;

  constructor(document: JsonDocument) {
    this.#document = document;
  }

  resource(kind: string): { name: string; spec: ObjectNode; isOlder: boolean } {
    const root = this.object(this.#document.root, '');
    this.known(root, '', ['apiVersion', 'kind', 'metadata', 'spec', 'status']);
    const version = this.oneOf(this.required(root, '', 'apiVersion'), 'apiVersion', selinuxApiVersions);
    this.oneOf(this.required(root, '', 'kind'), 'kind', [kind]);
    const metadata = this.object(this.required(root, '', 'metadata'), 'metadata');
    const name = this.name(this.required(metadata, 'metadata', 'name'), 'metadata.name', blockNameProblem);
    const spec = this.object(this.required(root, '', 'spec'), 'spec');
    return { name, spec, isOlder: version !== selinuxApiVersions[0] };
  }

  /** Whether the profile is in use is the operator's business; here it must only make sense. */
  state(spec: ObjectNode, isOlder: boolean): void {
    this.optional(spec, 'state', (node) => this.oneOf(node, 'spec.state', ['Enabled', 'Disabled']));
    if (isOlder) this.optional(spec, 'disabled', (node) => this.boolean(node, 'spec.disabled'));
  }

  /** Notes the members that are not in `names`; in another letter case, they are refused. */
  known(node: ObjectNode, path: string, names: readonly string[]): void {
    const parent = path === '' ? '' : `/${path.replaceAll('[', '.').replaceAll(']', '').replaceAll('.', '/')}`;
    const known = new KnownNames(names);
    for (const [key, { keyAt }] of node.members) {
      if (known.has(key)) continue;
      const meant = known.meantBy(key);
      if (meant !== undefined) this.#failAt(keyAt, path, respelledMember(key, meant));
      this.unknownFields.note(parent, key, keyAt);
    }
  }

  object(node: JsonNode, path: string): ObjectNode {
    return node.type === 'object' ? node : this.fail(node, path, `must be a mapping, is ${spoken(node)}`);
  }

  array(node: JsonNode, path: string, most: number): readonly JsonNode[] {
    if (node.type !== 'array') return this.fail(node, path, `must be a list, is ${spoken(node)}`);
    return node.items.length <= most ? [...node.items] : this.fail(node, path, `has more than ${most} items`);
  }

  text(node: JsonNode, path: string): string {
    return node.type === 'string' ? node.value : this.fail(node, path, `must be text, is ${spoken(node)}`);
  }

  boolean(node: JsonNode, path: string): boolean {
    return node.type === 'boolean' ? node.value : this.fail(node, path, `must be true or false, is ${spoken(node)}`);
  }

  oneOf<const Word extends string>(node: JsonNode, path: string, words: readonly Word[]): Word {
    const text = this.text(node, path);
    const found = words.find((word) => word === text);
    return found ?? this.fail(node, path, `must be ${words.join(' or ')}, is ${quote(text, 64)}`);
  }

  name(node: JsonNode, path: string, problem: (name: string) => NameProblem): string {
    const text = this.text(node, path);
    this.checkName(node.at, path, text, problem);
    return text;
  }

  checkName(at: number, path: string, name: string, problem: (name: string) => NameProblem): void {
    const wrong = problem(name);
    if (wrong !== undefined) this.#failAt(at, path, `${quote(name, 64)} ${wrong}`);
  }

  required(node: ObjectNode, path: string, name: string): JsonNode {
    const member = node.members.get(name);
    if (member !== undefined && member.value.type !== 'null') return member.value;
    return this.fail(node, path, `needs "${name}"`);
  }

  /** Go writes absent lists and maps as null: both mean absent. */
  optional<T>(node: ObjectNode, name: string, read: (node: JsonNode) => T): T | undefined {
    const member = node.members.get(name);
    return member === undefined || member.value.type === 'null' ? undefined : read(member.value);
  }

  fail(node: JsonNode, path: string, what: string): never {
    return this.#failAt(node.at, path, what);
  }

  #failAt(at: number, path: string, what: string): never {
    const position = positionOf(this.#document, at);
    throw new FairleadError('ProfileInvalid', `${position}: ${path === '' ? '' : `${path}: `}${what}`, {
      hint: 'The format is SelinuxProfile or RawSelinuxProfile of security-profiles-operator.x-k8s.io/v1.',
    });
  }
}

function spoken(node: JsonNode): string {
  return node.type === 'null'
    ? 'empty'
    : `${node.type === 'array' || node.type === 'object' ? 'an' : 'a'} ${node.type}`;
}
