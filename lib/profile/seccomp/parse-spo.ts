import { FairleadError } from '#lib/errors';
import type { JsonNode } from '../json/node.ts';
import type { JsonDocument } from '../json/read-json.ts';
import { positionOf } from '../json/read-json.ts';
import { parseSeccomp, type SeccompReading } from './parse.ts';

const group = 'security-profiles-operator.x-k8s.io';

/** The versions of SPO's SeccompProfile that are read, newest first. */
export const spoVersions: readonly string[] = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `${group}/${version}`);

/**
 * Reads a SeccompProfile of the Security Profiles Operator, v1 and older: its `spec` is a runtime-spec profile with
 * some fields of the operator's own. SCMP_ARCH_NATIVE is left out, since runtimes always filter the native one.
 *
 * @throws FairleadError ProfileInvalid with `source:line:column`; also where a base profile is named, which would have
 *   to be merged first.
 */
export function parseSpoSeccomp(document: JsonDocument): SeccompReading {
  const fail = (at: number, what: string, hint: string): never => {
    throw new FairleadError('ProfileInvalid', `${positionOf(document, at)}: ${what}`, { hint });
  };
  const { root } = document;
  const members = root.type === 'object' ? root.members : new Map<string, never>();
  const apiVersion = members.get('apiVersion')?.value;
  if (apiVersion?.type !== 'string' || !spoVersions.includes(apiVersion.value)) {
    fail(
      apiVersion?.at ?? root.at,
      'apiVersion: not a SeccompProfile that is known',
      `Known are ${spoVersions.join(', ')}.`,
    );
  }
  const spec = members.get('spec')?.value;
  if (spec?.type !== 'object') {
    return fail(spec?.at ?? root.at, 'needs "spec"', 'A SeccompProfile has its rules below spec.');
  }
  const base = spec.members.get('baseProfileName');
  if (base !== undefined && !(base.value.type === 'string' && base.value.value === '')) {
    const hint = 'Merge the base profile first, and publish the result without baseProfileName.';
    fail(base.keyAt, 'spec.baseProfileName: a profile that needs another one cannot be used by itself', hint);
  }
  const own = new Map([...spec.members].filter(([name]) => !['state', 'disabled', 'baseProfileName'].includes(name)));
  const architectures = own.get('architectures');
  if (architectures !== undefined) {
    own.set('architectures', { ...architectures, value: withoutNative(architectures.value) });
  }
  const { profile, unknownFields } = parseSeccomp({ ...document, root: { ...spec, members: own } });
  return { profile, unknownFields: unknownFields.map((field) => ({ ...field, pointer: `/spec${field.pointer}` })) };
}

function withoutNative(list: JsonNode): JsonNode {
  if (list.type !== 'array') return list;
  const items = [...list.items].filter((item) => item.type !== 'string' || item.value !== 'SCMP_ARCH_NATIVE');
  return { ...list, items };
}
