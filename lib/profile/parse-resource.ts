import { FairleadError } from '#lib/errors';
import { parseAppArmor } from './apparmor/parse.ts';
import type { JsonNode } from './json/node.ts';
import type { JsonDocument } from './json/read-json.ts';
import { positionOf } from './json/read-json.ts';
import type { UnknownField } from './json/unknown-fields.ts';
import type { Profile, ProfileKind } from './profile.ts';
import { parseSpoSeccomp } from './seccomp/parse-spo.ts';
import { parseRawSelinux, parseSelinux } from './selinux/parse.ts';

/** The custom resources of the Security Profiles Operator that hold profiles. */
const resourceKinds: ReadonlyMap<string, ProfileKind> = new Map([
  ['SeccompProfile', 'Seccomp'],
  ['AppArmorProfile', 'AppArmor'],
  ['SelinuxProfile', 'SELinux'],
  ['RawSelinuxProfile', 'RawSELinux'],
]);

/** Which kind of profile a document holds as a custom resource; undefined where it is none of them. */
export function resourceKind({ root }: JsonDocument): ProfileKind | undefined {
  const kind = member(root, 'kind');
  return kind?.type === 'string' ? resourceKinds.get(kind.value) : undefined;
}

/**
 * Parses a custom resource of the Security Profiles Operator, v1 or older.
 *
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field, or the kinds that there are.
 */
export function parseResource(document: JsonDocument): Profile {
  const kind = resourceKind(document);
  if (kind === undefined) {
    const at = member(document.root, 'kind')?.at ?? document.root.at;
    const known = [...resourceKinds.keys()].join(', ');
    throw new FairleadError('ProfileInvalid', `${positionOf(document, at)}: kind: must be one of ${known}`, {
      hint: 'The format is a custom resource of security-profiles-operator.x-k8s.io.',
    });
  }
  const metadata = member(document.root, 'metadata');
  const name = metadata && member(metadata, 'name');
  const named = name?.type === 'string' ? { name: name.value } : {};
  switch (kind) {
    case 'Seccomp': {
      const { profile: seccomp, unknownFields } = parseSpoSeccomp(document);
      return { kind, seccomp, ...named, ...given(unknownFields) };
    }
    case 'AppArmor': {
      const { profile: apparmor, unknownFields } = parseAppArmor(document);
      return { kind, apparmor, ...named, ...given(unknownFields) };
    }
    case 'SELinux': {
      const { profile: selinux, unknownFields } = parseSelinux(document);
      return { kind, selinux, ...named, ...given(unknownFields) };
    }
    case 'RawSELinux': {
      const { profile: selinux, unknownFields } = parseRawSelinux(document);
      return { kind, selinux, ...named, ...given(unknownFields) };
    }
  }
}

function given(unknownFields: readonly UnknownField[]): { readonly unknownFields?: readonly UnknownField[] } {
  return unknownFields.length === 0 ? {} : { unknownFields };
}

function member(node: JsonNode, name: string): JsonNode | undefined {
  return node.type === 'object' ? node.members.get(name)?.value : undefined;
}
