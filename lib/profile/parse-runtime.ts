import { FairleadError } from '#lib/errors';
import { isAppArmor, parseAppArmor } from './apparmor/parse.ts';
import type { JsonDocument } from './json/read-json.ts';
import { positionOf } from './json/read-json.ts';
import type { RuntimeKind, RuntimeProfile } from './profile.ts';
import { parseSeccomp, type SeccompReading } from './seccomp/parse.ts';

/**
 * Which kind of profile a document is, in the form that runtimes read: runtime-spec linux.seccomp, which has a
 * `defaultAction`, or the structured AppArmor profile of KEP-6061, which has sections. Undefined where it is neither.
 */
export function runtimeKind(document: JsonDocument): RuntimeKind | undefined {
  const { root } = document;
  if (root.type !== 'object') return undefined;
  if (root.members.has('defaultAction')) return 'Seccomp';
  const isResource = root.members.has('kind') || root.members.has('apiVersion');
  return !isResource && isAppArmor(document) ? 'AppArmor' : undefined;
}

/**
 * Parses a document in the form that runtimes read.
 *
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field.
 */
export function parseRuntime(document: JsonDocument, kind: RuntimeKind): RuntimeProfile {
  switch (kind) {
    case 'Seccomp':
      return seccompProfile(parseSeccomp(document));
    case 'AppArmor': {
      const { profile: apparmor, unknownFields } = parseAppArmor(document);
      return { kind, apparmor, ...(unknownFields.length === 0 ? {} : { unknownFields }) };
    }
  }
}

/** What a reader of seccomp profiles found, as a profile of that kind. */
export function seccompProfile({ profile: seccomp, unknownFields }: SeccompReading): RuntimeProfile {
  return { kind: 'Seccomp', seccomp, ...(unknownFields.length === 0 ? {} : { unknownFields }) };
}

/** The error for a document that is in no known form. */
export function unknownFormat(document: JsonDocument, tried: readonly string[], hint: string): FairleadError {
  const position = positionOf(document, document.root.at);
  const message = `${position}: not a known profile format: tried ${tried.join(', ')}`;
  return new FairleadError('ProfileInvalid', message, { hint });
}

/** The forms of {@link parseRuntime}, for messages. */
export const runtimeForms: readonly string[] = [
  'runtime-spec seccomp JSON ("defaultAction")',
  'KEP-6061 AppArmor JSON ("executable", "filesystem", "network", "capability")',
];
