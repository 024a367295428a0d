import { FairleadError } from '#lib/errors';
import { parseAppArmor } from './apparmor/parse.ts';
import type { JsonNode } from './json/node.ts';
import type { JsonDocument } from './json/read-json.ts';
import { positionOf } from './json/read-json.ts';
import { ifAny } from './parse-runtime.ts';
import type { Profile, ProfileKind } from './profile.ts';
import { resourceKind, resourceKinds } from './resource-kind.ts';
import { parseSpoSeccompWithBase } from './seccomp/read/parse-spo.ts';
import { parseRawSelinux, parseSelinux } from './selinux/parse.ts';

/** A custom resource as read: a profile, and what the operator does with it. */
export interface ResourceReading {
  readonly profile: Profile;
  /** The name of the profile that it is to be merged with: another resource, or `oci://…`. */
  readonly baseProfileName?: string;
  readonly isDisabled: boolean;
}

/**
 * Parses a custom resource of the Security Profiles Operator, v1 or older, as a profile that is
 * used by itself.
 *
 * @throws FairleadError as readResource does; ProfileInvalid also if it has a base profile, which
 * would have to be merged first, and for an AppArmor profile that is disabled.
 */
export function parseResource(document: JsonDocument): Profile {
  const { profile, baseProfileName, isDisabled } = readResource(document);
  const spec = member(document.root, 'spec');
  if (baseProfileName !== undefined) {
    const at = spec?.type === 'object' ? spec.members.get('baseProfileName')?.keyAt : undefined;
    const what = 'spec.baseProfileName: a profile that needs another one cannot be used by itself';
    throw new FairleadError('ProfileInvalid', `${positionOf(document, at ?? 0)}: ${what}`, {
      hint: 'Remove baseProfileName, and add the base: fairlead merge --union BASE FILE',
      pointer: '/spec/baseProfileName',
    });
  }
  if (isDisabled && profile.kind === 'AppArmor') {
    const what = 'spec: the profile is disabled';
    throw new FairleadError('ProfileInvalid', `${positionOf(document, spec?.at ?? 0)}: ${what}`, {
      hint: 'Remove spec.state, or use another profile.',
      pointer: '/spec/state',
    });
  }
  return profile;
}

/**
 * Reads a custom resource of the Security Profiles Operator, v1 or older, as the operator does:
 * with a base profile, enabled or not.
 *
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field, or the kinds that
 * there are.
 */
export function readResource(document: JsonDocument): ResourceReading {
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
  const { profile, ...rest } = parsers[kind](document);
  return { profile: { ...profile, ...named }, ...rest, isDisabled: isDisabled(member(document.root, 'spec')) };
}

function isDisabled(spec: JsonNode | undefined): boolean {
  const state = spec && member(spec, 'state');
  const disabled = spec && member(spec, 'disabled');
  if (state?.type === 'string' && state.value === 'Disabled') return true;
  return disabled?.type === 'boolean' && disabled.value;
}

type Parsed = Omit<ResourceReading, 'isDisabled'>;

const parsers: { readonly [Kind in ProfileKind]: (document: JsonDocument) => Parsed } = {
  Seccomp: (document) => {
    const { profile: seccomp, unknownFields, ...base } = parseSpoSeccompWithBase(document);
    return { profile: { kind: 'Seccomp', seccomp, ...ifAny(unknownFields) }, ...base };
  },
  AppArmor: (document) => {
    const { profile: apparmor, unknownFields } = parseAppArmor(document);
    return { profile: { kind: 'AppArmor', apparmor, ...ifAny(unknownFields) } };
  },
  SELinux: (document) => {
    const { profile: selinux, unknownFields } = parseSelinux(document);
    return { profile: { kind: 'SELinux', selinux, ...ifAny(unknownFields) } };
  },
  RawSELinux: (document) => {
    const { profile: selinux, unknownFields } = parseRawSelinux(document);
    return { profile: { kind: 'RawSELinux', selinux, ...ifAny(unknownFields) } };
  },
};

function member(node: JsonNode, name: string): JsonNode | undefined {
  return node.type === 'object' ? node.members.get(name)?.value : undefined;
}
