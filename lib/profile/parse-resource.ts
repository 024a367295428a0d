import { FairleadError } from '#lib/errors';
import { parseAppArmor } from './apparmor/parse.ts';
import type { JsonNode } from './json/node.ts';
import type { JsonDocument } from './json/read-json.ts';
import { positionOf } from './json/read-json.ts';
import { ifAny } from './parse-runtime.ts';
import type { Profile, ProfileKind } from './profile.ts';
import { resourceKind, resourceKinds } from './resource-kind.ts';
import { parseSpoSeccomp } from './seccomp/read/parse-spo.ts';
import { parseRawSelinux, parseSelinux } from './selinux/parse.ts';

/**
 * Parses a custom resource of the Security Profiles Operator, v1 or older.
 *
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field, or the kinds that
 * there are.
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
  return { ...parsers[kind](document), ...named };
}

const parsers: { readonly [Kind in ProfileKind]: (document: JsonDocument) => Profile } = {
  Seccomp: (document) => {
    const { profile: seccomp, unknownFields } = parseSpoSeccomp(document);
    return { kind: 'Seccomp', seccomp, ...ifAny(unknownFields) };
  },
  AppArmor: (document) => {
    const { profile: apparmor, unknownFields } = parseAppArmor(document);
    return { kind: 'AppArmor', apparmor, ...ifAny(unknownFields) };
  },
  SELinux: (document) => {
    const { profile: selinux, unknownFields } = parseSelinux(document);
    return { kind: 'SELinux', selinux, ...ifAny(unknownFields) };
  },
  RawSELinux: (document) => {
    const { profile: selinux, unknownFields } = parseRawSelinux(document);
    return { kind: 'RawSELinux', selinux, ...ifAny(unknownFields) };
  },
};

function member(node: JsonNode, name: string): JsonNode | undefined {
  return node.type === 'object' ? node.members.get(name)?.value : undefined;
}
