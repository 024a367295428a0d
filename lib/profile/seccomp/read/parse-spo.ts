import { FairleadError } from '#lib/errors';
import { foldName, KnownNames, respelledMember } from '../../json/known-names.ts';
import type { JsonMember, JsonNode } from '../../json/node.ts';
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
 * Reads a SeccompProfile of the Security Profiles Operator, v1 and older: its `spec` is a
 * runtime-spec profile with some fields of the operator's own. SCMP_ARCH_NATIVE is left out, since
 * runtimes always filter the native one. SPO leaves zeros out when it writes its resources and the
 * profiles of nodes: a condition without a value compares with 0, and an `errnoRet` of 0 is left
 * out, which stands for EPERM.
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
  if (base !== undefined && base.type !== 'string' && base.type !== 'null') {
    return fail(base.at, 'spec.baseProfileName: must be a string', 'Name another SeccompProfile, or oci://REFERENCE.');
  }
  const own = new Map([...spec.members].filter(([name]) => !ownNames.has(name)));
  const architectures = own.get('architectures');
  if (architectures !== undefined) {
    own.set('architectures', { ...architectures, value: withoutNative(architectures.value) });
  }
  const syscalls = own.get('syscalls');
  if (syscalls !== undefined) own.set('syscalls', { ...syscalls, value: mapItems(syscalls.value, asSpoReads) });
  const { profile, unknownFields } = parseSeccomp({ ...document, root: { ...spec, members: own } }, ['spec']);
  for (const { position, pointer, readAs } of unknownFields) {
    if (readAs === undefined) continue;
    const name = pointer.slice(pointer.lastIndexOf('/') + 1);
    throw new FairleadError('ProfileInvalid', `${position}: ${respelledMember(name, readAs)}`, { pointer });
  }
  return {
    profile,
    unknownFields,
    ...(base?.type === 'string' && base.value !== '' && { baseProfileName: base.value }),
  };
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

/** Returns an entry as SPO reads it: see {@link parseSpoSeccompWithBase} about zeros. */
function asSpoReads(entry: JsonNode): JsonNode {
  if (entry.type !== 'object') return entry;
  const args = entry.members.get('args');
  const errno = entry.members.get('errnoRet')?.value;
  const isZero = errno?.type === 'number' && Number(errno.source) === 0;
  const hasArgs = args?.value.type === 'array' && args.value.items.length > 0;
  if (!isZero && !hasArgs) return entry;
  const members = new Map(entry.members);
  if (isZero) members.delete('errnoRet');
  if (hasArgs) members.set('args', { ...args, value: mapItems(args.value, withZero) });
  return { ...entry, members };
}

function withZero(arg: JsonNode): JsonNode {
  if (arg.type !== 'object' || [...arg.members].some(([name]) => foldName(name) === 'value')) return arg;
  const zero: JsonMember = { keyAt: arg.at, value: { type: 'number', at: arg.at, source: '0' } };
  return { ...arg, members: new Map(arg.members).set('value', zero) };
}

/** Returns an array whose items are made again in each pass, as those of a long array are. */
function mapItems(list: JsonNode, change: (item: JsonNode) => JsonNode): JsonNode {
  if (list.type !== 'array') return list;
  const { items } = list;
  return {
    ...list,
    items: {
      length: items.length,
      *[Symbol.iterator]() {
        for (const item of items) yield change(item);
      },
    },
  };
}
