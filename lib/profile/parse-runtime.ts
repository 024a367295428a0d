import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { parseAppArmor } from './apparmor/parse.ts';
import { convertCommand } from './convert-command.ts';
import type { JsonDocument } from './json/read-json.ts';
import { positionOf } from './json/read-json.ts';
import type { UnknownField } from './json/unknown-fields.ts';
import type { RuntimeKind, RuntimeProfile } from './profile.ts';
import { parseSeccomp } from './seccomp/read/parse.ts';

/** Of more unknown members than this, only the first are named. */
const shownUnknown = 20;

/**
 * Parses a document in the form that runtimes read, as lenient runtimes do: unknown members are
 * dropped, those in another letter case are accepted, and both are reported with the profile.
 *
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field.
 */
export function parseRuntime(document: JsonDocument, kind: RuntimeKind): RuntimeProfile {
  return parsers[kind](document);
}

const parsers: { readonly [Kind in RuntimeKind]: (document: JsonDocument) => RuntimeProfile } = {
  Seccomp: (document) => {
    const { profile: seccomp, unknownFields } = parseSeccomp(document);
    return { kind: 'Seccomp', seccomp, ...ifAny(unknownFields) };
  },
  AppArmor: (document) => {
    const { profile: apparmor, unknownFields } = parseAppArmor(document);
    return { kind: 'AppArmor', apparmor, ...ifAny(unknownFields) };
  },
};

/**
 * Parses a document in the form that runtimes read, and refuses what runtimes read in different
 * ways: those that decode strictly (KEP-6061) refuse unknown members and other letter cases, others
 * ignore them or read them as known ones.
 *
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field.
 */
export function parseStrictly(document: JsonDocument, kind: RuntimeKind): RuntimeProfile {
  const { unknownFields = [], ...profile } = parseRuntime(document, kind);
  refuseUnknown(unknownFields);
  return profile;
}

/**
 * Throws ProfileInvalid if there are members that the format does not have, or has in another
 * letter case.
 */
export function refuseUnknown(unknownFields: readonly UnknownField[]): void {
  const [first] = unknownFields;
  if (first === undefined) return;
  const others = unknownFields.slice(1, shownUnknown).map((field) => `${field.position}: ${describeUnknown(field)}`);
  const more = unknownFields.length - shownUnknown;
  throw new FairleadError('ProfileInvalid', `${first.position}: ${describeUnknown(first)}`, {
    details: more > 0 ? [...others, `and ${more} more`] : others,
    pointer: first.pointer,
    hint: unknownFields.some(({ meant }) => meant !== undefined)
      ? misspeltHint
      : `Runtimes that decode strictly refuse it. To write the profile without such members: ${convertCommand}`,
  });
}

/**
 * Throws ProfileInvalid if a member that was left out is probably a known one, misspelt: without it
 * an entry may permit more than its author intended.
 */
export function refuseMisspelt(unknownFields: readonly UnknownField[]): void {
  refuseUnknown(unknownFields.filter(({ meant }) => meant !== undefined));
}

const misspeltHint = 'Correct the name, or remove the member: without it the profile may permit more than was meant.';

function describeUnknown({ pointer, readAs, meant }: UnknownField): string {
  const name = quote(pointer, 256);
  return readAs === undefined
    ? `unknown member ${name}: the format of runtimes has no such member${meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`}`
    : `member ${name} in another letter case: some runtimes read it as ${JSON.stringify(readAs)}, others refuse it`;
}

/** Returns unknown fields as part of a profile, if there are any. */
export function ifAny(unknownFields: readonly UnknownField[]): { readonly unknownFields?: readonly UnknownField[] } {
  return unknownFields.length === 0 ? {} : { unknownFields };
}

/** Returns the error for a document that is in no known form. */
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
