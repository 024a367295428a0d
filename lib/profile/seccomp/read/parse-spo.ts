import { FairleadError } from '#lib/errors';
import { KnownNames, respelledMember } from '../../json/known-names.ts';
import type { JsonNode } from '../../json/node.ts';
import type { JsonDocument } from '../../json/read-json.ts';
import { positionOf } from '../../json/read-json.ts';
import { parseSeccomp, type SeccompReading } from './parse.ts';

const group = 'security-profiles-operator.x-k8s.io';

/** The versions of SPO's SeccompProfile that are read, newest first. */
export const spoVersions: readonly string[] = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `${group}/${version}`);

const resourceNames = new KnownNames(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
/** The members of `spec` that are the operator's own. */
const ownNames = new KnownNames(['state', 'disabled', 'baseProfileName']);

/** A SeccompProfile, and the base profile that it names. */
export interface SpoSeccompReading extends SeccompReading {
  /** The name of another SeccompProfile, or `oci://` and the reference of an artifact. */
  readonly baseProfileName?: string;
}

/**
 * Reads a SeccompProfile of the Security Profiles Operator that stands by itself.
 *
 * @throws FairleadError ProfileInvalid as parseSpoSeccompWithBase does; also if a base profile is
 * named, which would have to be merged first.
 */
export function parseSpoSeccomp(document: JsonDocument): SeccompReading {
  const { baseProfileName, ...reading } = parseSpoSeccompWithBase(document);
  if (baseProfileName === undefined) return reading;
  const spec = memberOf(document.root, 'spec');
  const at = (spec?.type === 'object' && spec.members.get('baseProfileName')?.keyAt) || document.root.at;
  throw new FairleadError(
    'ProfileInvalid',
    `${positionOf(document, at)}: spec.baseProfileName: a profile that needs another one cannot be used by itself`,
    { hint: 'Remove baseProfileName, and add the base: fairlead merge --union BASE FILE' },
  );
}

/**
 * Reads a SeccompProfile of the Security Profiles Operator, v1 and older: its `spec` is a
 * runtime-spec profile with some fields of the operator's own. SCMP_ARCH_NATIVE is left out, since
 * runtimes always filter the native one.
 *
 * @throws FairleadError ProfileInvalid with `source:line:column`; also for a member in another
 * letter case, which SPO's own readers do not agree on.
 */
export function parseSpoSeccompWithBase(document: JsonDocument): SpoSeccompReading {
  const fail = (at: number, what: string, hint: string): never => {
    throw new FairleadError('ProfileInvalid', `${positionOf(document, at)}: ${what}`, { hint });
  };
  const { root } = document;
  const members = root.type === 'object' ? root.members : new Map<string, never>();
  refuseRespelled(document, root, resourceNames);
  const apiVersion = members.get('apiVersion')?.value;
  if (apiVersion?.type !== 'string' || !spoVersions.includes(apiVersion.value)) {
    fail(
      apiVersion?.at ?? root.at,
      'apiVersion: unknown version of SeccompProfile',
      `Known versions: ${spoVersions.join(', ')}.`,
    );
  }
  const spec = members.get('spec')?.value;
  if (spec?.type !== 'object') {
    return fail(spec?.at ?? root.at, 'needs "spec"', 'A SeccompProfile has its rules below spec.');
  }
  refuseRespelled(document, spec, ownNames);
  const base = spec.members.get('baseProfileName')?.value;
  if (base !== undefined && base.type !== 'string') {
    return fail(base.at, 'spec.baseProfileName: must be a string', 'Name another SeccompProfile, or oci://REFERENCE.');
  }
  const own = new Map([...spec.members].filter(([name]) => !ownNames.has(name)));
  const architectures = own.get('architectures');
  if (architectures !== undefined) {
    own.set('architectures', { ...architectures, value: withoutNative(architectures.value) });
  }
  const { profile, unknownFields } = parseSeccomp({ ...document, root: { ...spec, members: own } });
  const located = unknownFields.map((field) => ({ ...field, pointer: `/spec${field.pointer}` }));
  for (const { position, pointer, readAs } of located) {
    if (readAs === undefined) continue;
    const name = pointer.slice(pointer.lastIndexOf('/') + 1);
    throw new FairleadError('ProfileInvalid', `${position}: ${respelledMember(name, readAs)}`, { pointer });
  }
  return {
    profile,
    unknownFields: located,
    ...(base !== undefined && base.value !== '' && { baseProfileName: base.value }),
  };
}

function memberOf(node: JsonNode, name: string): JsonNode | undefined {
  return node.type === 'object' ? node.members.get(name)?.value : undefined;
}

function refuseRespelled(document: JsonDocument, node: JsonNode, known: KnownNames): void {
  for (const [key, { keyAt }] of node.type === 'object' ? node.members : []) {
    const meant = known.has(key) ? undefined : known.meantBy(key);
    if (meant === undefined) continue;
    throw new FairleadError('ProfileInvalid', `${positionOf(document, keyAt)}: ${respelledMember(key, meant)}`);
  }
}

function withoutNative(list: JsonNode): JsonNode {
  if (list.type !== 'array') return list;
  const items = [...list.items].filter((item) => item.type !== 'string' || item.value !== 'SCMP_ARCH_NATIVE');
  return { ...list, items };
}
