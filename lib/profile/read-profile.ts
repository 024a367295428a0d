import { FairleadError } from '#lib/errors';
import { convertCommand } from './convert-command.ts';
import { type DetectedForm, detectForm } from './detect-form.ts';
import { repeatedMemberHint } from './json/known-names.ts';
import type { JsonDocument } from './json/read-json.ts';
import { positionOf, readJson } from './json/read-json.ts';
import { parseStrictly, runtimeForms, unknownFormat } from './parse-runtime.ts';
import type { ProfileKind, RuntimeKind, RuntimeProfile } from './profile.ts';
import { resourceKind, resourceKinds } from './resource-kind.ts';
import { readPlainSeccomp } from './seccomp/read/read-plain.ts';

/**
 * Far above every real profile (the largest known are about 100 KiB); pulled profiles have a lower
 * limit.
 */
export const profileLimits = { bytes: 8 * 1024 * 1024, depth: 16, values: 1_000_000 };

/**
 * Reads a profile as runtimes and registries have it, and decides its kind, once: runtime-spec
 * linux.seccomp JSON, or the structured AppArmor JSON of KEP-6061. It is read strictly (KEP-6061,
 * "Artifact format"): a profile in another form, with unknown members, in another letter case or
 * with repeated members is refused, with the command that converts it. Formats that people write in
 * are read by importProfile.
 *
 * A seccomp profile of a mebibyte takes 3 to 5 ms of one core. To read, validate, intersect and
 * render it takes less than ten times its size in memory where V8 keeps its young generation small
 * (--max-semi-space-size=1, as the shim does), and up to twenty times if it does not.
 *
 * @param source how messages call the input, e.g. its file name.
 * @param kind what it is where the content does not tell: a structured AppArmor profile may be an
 * empty object.
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field; LimitExceeded.
 */
export function readProfile(bytes: Uint8Array, source = 'profile', kind?: RuntimeKind): RuntimeProfile {
  if (kind !== 'AppArmor') {
    const seccomp = readPlainSeccomp(bytes, profileLimits);
    if (seccomp !== undefined) return { kind: 'Seccomp', seccomp };
  }
  try {
    return readThoroughly(bytes, source, kind);
  } catch (error) {
    if (!(error instanceof FairleadError) || error.hint !== repeatedMemberHint) throw error;
    const { kind: fault, summary, pointer, cause } = error;
    const hint = `${repeatedMemberHint} To convert what runtimes still do not read: ${convertCommand}`;
    throw new FairleadError(fault, summary, { hint, cause, ...(pointer === undefined ? {} : { pointer }) });
  }
}

function readThoroughly(bytes: Uint8Array, source: string, kind: RuntimeKind | undefined): RuntimeProfile {
  const document = readDocument(bytes, source);
  const found = detectForm(document);
  switch (found?.form) {
    case 'runtime-seccomp':
      return parseStrictly(document, 'Seccomp');
    case 'apparmor-json':
      return parseStrictly(document, 'AppArmor');
    case 'docker':
    case 'spo':
      throw otherForm(document, found);
    case undefined:
      if (kind !== undefined) return parseStrictly(document, kind);
      throw unknownFormat(document, runtimeForms, `To convert a profile in another format: ${convertCommand}`);
  }
}

/** Returns the error for a profile in a form that runtimes read as another one, or not at all. */
function otherForm(document: JsonDocument, { form, pointer, at }: DetectedForm): FairleadError {
  const position = positionOf(document, at);
  if (form === 'docker') {
    const message = `${position}: ${JSON.stringify(pointer)} belongs to the form of Docker and Podman; runtimes ignore it`;
    return new FairleadError('ProfileInvalid', message, {
      pointer,
      hint: `Write the profile that a container gets, for its capabilities, architecture and kernel: ${convertCommand}`,
    });
  }
  const kind = resourceKind(document) ?? 'Seccomp';
  return new FairleadError('ProfileInvalid', `${position}: ${resourceFault(kind)}`, {
    pointer,
    hint: resourceHint(kind),
  });
}

function resourceFault(kind: ProfileKind): string {
  return isSelinux(kind)
    ? 'an SELinux profile, which cannot be published: runtimes have no form for it'
    : 'a custom resource of the Security Profiles Operator, which runtimes do not read';
}

function resourceHint(kind: ProfileKind): string {
  return isSelinux(kind)
    ? 'Install it on the node by semodule or the Security Profiles Operator. For semodule: fairlead convert --to cil FILE'
    : `Write it as runtimes read it: ${convertCommand}`;
}

function isSelinux(kind: ProfileKind): boolean {
  return kind === 'SELinux' || kind === 'RawSELinux';
}

function readDocument(bytes: Uint8Array, source: string): JsonDocument {
  try {
    return readJson(bytes, source, profileLimits);
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'ProfileInvalid' || error.hint !== undefined) throw error;
    throw notJson(bytes, error);
  }
}

/**
 * Custom resources in YAML, which are the most frequent input that is not JSON: by the line that
 * tells their kind, for the message.
 */
const resourceLine = new RegExp(
  `(?:^|[{,])[ \\t]*["']?kind["']?[ \\t]*:[ \\t]*["']?(${[...resourceKinds.keys()].join('|')})\\b`,
  'm',
);

function notJson(bytes: Uint8Array, error: FairleadError): FairleadError {
  const text = Buffer.from(bytes).toString('latin1');
  const [, resource = ''] = resourceLine.exec(text) ?? [];
  const kind = resourceKinds.get(resource);
  const [position] = error.message.split(': not valid JSON');
  const message = kind === undefined ? error.message : `${position}: ${resourceFault(kind)}`;
  const hint = kind === undefined ? jsonHint(text) : resourceHint(kind);
  return new FairleadError('ProfileInvalid', message, { cause: error.cause, hint });
}

function jsonHint(text: string): string {
  const start = text.trimStart();
  if (start === '') return 'It is empty: the command that wrote it may have failed.';
  if (start.startsWith('{')) return 'Correct the JSON at this place.';
  return `Runtimes read JSON: seccomp of the runtime-spec, AppArmor of KEP-6061. To convert YAML: ${convertCommand}. AppArmor policies and CIL cannot be published.`;
}
