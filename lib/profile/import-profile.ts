import { FairleadError } from '#lib/errors';
import { chooseDocument } from './choose-document.ts';
import { convertCommand } from './convert-command.ts';
import { type DetectedForm, detectForm } from './detect-form.ts';
import type { JsonDocument } from './json/read-json.ts';
import { positionOf } from './json/read-json.ts';
import { parseResource } from './parse-resource.ts';
import { parseRuntime, parseStrictly, runtimeForms, unknownFormat } from './parse-runtime.ts';
import type { Profile, ProfileKind, RuntimeKind } from './profile.ts';
import { type ProfileFormat, profileFormats } from './profile-format.ts';
import {
  asAppArmorResource,
  asDocker,
  asRuntimes,
  asSeccompResource,
  asSelinuxResource,
  placesInText,
  type Written,
} from './profile-places.ts';
import { defaultPublicationLimits } from './publication-limits.ts';
import { isBlank, isJson, readDocuments } from './read-documents.ts';
import { profileLimits } from './read-profile.ts';
import { dependsOnContainer } from './seccomp/read/docker.ts';
import { parseDocker } from './seccomp/read/parse-docker.ts';
import { readPlainSeccomp } from './seccomp/read/read-plain.ts';
import type { ResolutionHost } from './seccomp/read/resolve-docker.ts';
import { resolveDocker } from './seccomp/read/resolve-docker.ts';

/** How importProfile reads a profile. */
export interface ImportOptions {
  /** Refuses a profile in another form. */
  readonly format?: ProfileFormat;
  /**
   * The host and container for which a profile of Docker or Podman is resolved; required for that
   * format.
   */
  readonly host?: ResolutionHost;
  /**
   * Reads a profile that some runtimes refuse as the lenient ones read it, to write it again:
   * unknown members are dropped and reported, and YAML is accepted in place of JSON.
   */
  readonly lenient?: boolean;
  /**
   * Which one, if there are several documents or a List: its name or number; see chooseDocument.
   */
  readonly document?: string;
  /** The hint of the error for an empty file. */
  readonly blankHint?: string;
  /** Keeps where the parts of the profile are in its text: for findings and changes. */
  readonly places?: boolean;
}

/**
 * Reads a profile of any kind in any known form, which is detected as readProfile detects it. It
 * reads the form of runtimes as readProfile does. Profiles from registries are read by readProfile
 * only.
 *
 * @throws FairleadError ProfileInvalid naming `source:line:column`, or the formats that were tried;
 * LimitExceeded; InvalidInput if the host is needed and not given.
 */
export function importProfile(bytes: Uint8Array, source: string, options: ImportOptions = {}): Profile {
  if (bytes.every(isBlank)) {
    throw new FairleadError('ProfileInvalid', `${source}: the file is empty`, {
      hint: options.blankHint ?? 'Every profile has content; the command that wrote the file may have failed.',
    });
  }
  const readDocument = () => chooseDocument(readDocuments(bytes, source), options.document);
  const keeps = (written: Written) => (options.places ? { places: placesInText(readDocument, written) } : {});
  const plain = options.format === undefined ? readPlainSeccomp(bytes, profileLimits) : undefined;
  if (plain !== undefined) return { kind: 'Seccomp', seccomp: plain, ...oversizeOf(bytes), ...keeps(asRuntimes) };
  const document = readDocument();
  const found = detectForm(document);
  const format = options.format ?? formatOf(document, found);
  if (!isJson(bytes) && !options.lenient && format !== 'spo') throw notJson(document);
  switch (format) {
    case 'runtime':
      return { ...readRuntime(document, found, options), ...oversizeOf(bytes), ...keeps(asRuntimes) };
    case 'docker': {
      const { profile, entries } = readDocker(document, options);
      return { ...profile, ...keeps(asDocker(entries)) };
    }
    case 'spo': {
      const profile = parseResource(document);
      return { ...profile, isResource: true, ...keeps(asResource[profile.kind]) };
    }
  }
}

const asResource: { readonly [Kind in ProfileKind]: Written } = {
  Seccomp: asSeccompResource,
  AppArmor: asAppArmorResource,
  SELinux: asSelinuxResource,
  RawSELinux: asSelinuxResource,
};

function oversizeOf({ length }: Uint8Array): { readonly oversize?: number } {
  return length > defaultPublicationLimits.artifactBytes ? { oversize: length } : {};
}

function formatOf(document: JsonDocument, found: DetectedForm | undefined): ProfileFormat {
  switch (found?.form) {
    case 'runtime-seccomp':
    case 'apparmor-json':
      return 'runtime';
    case 'docker':
    case 'spo':
      return found.form;
    case undefined: {
      const tried = [
        ...runtimeForms,
        'Docker and Podman ("archMap", "includes")',
        'Security Profiles Operator ("kind: SeccompProfile", "AppArmorProfile", "SelinuxProfile", "RawSelinuxProfile")',
      ];
      throw unknownFormat(
        document,
        tried,
        `Set \`format\` to one of ${profileFormats.join(', ')} to see what is wrong with it. AppArmor policies and CIL can be written, but not read.`,
      );
    }
  }
}

function readRuntime(document: JsonDocument, found: DetectedForm | undefined, { lenient }: ImportOptions): Profile {
  const kinds: Readonly<Partial<Record<DetectedForm['form'], RuntimeKind>>> = {
    'runtime-seccomp': 'Seccomp',
    'apparmor-json': 'AppArmor',
  };
  const kind = found && kinds[found.form];
  if (kind !== undefined) return lenient ? parseRuntime(document, kind) : parseStrictly(document, kind);
  if (found === undefined) throw unknownFormat(document, runtimeForms, 'Leave out `format` to detect it.');
  const message = `${positionOf(document, found.at)}: ${JSON.stringify(found.pointer)} belongs to another form than that of runtimes`;
  throw new FairleadError('ProfileInvalid', message, {
    pointer: found.pointer,
    hint: `Leave out \`format\` to detect it. To write the form of runtimes: ${convertCommand}`,
  });
}

/** Returns the profile for one container, and for each of its entries the number in the text. */
function readDocker(
  document: JsonDocument,
  { host, lenient }: ImportOptions,
): { readonly profile: Profile; readonly entries: readonly number[] } {
  const { docker, unknownFields } = parseDocker(document);
  const respelled = unknownFields.find(({ readAs }) => readAs !== undefined);
  if (respelled !== undefined && !lenient) {
    const { position, pointer, readAs } = respelled;
    const message = `${position}: member ${JSON.stringify(pointer)} in another letter case than ${JSON.stringify(readAs)}`;
    throw new FairleadError('ProfileInvalid', message, {
      pointer,
      hint: `Some readers accept it, others do not. To write it as Docker reads it: ${convertCommand}`,
    });
  }
  if (host === undefined) {
    throw new FairleadError(
      'InvalidInput',
      `${document.source}: a profile of Docker or Podman depends on where it runs`,
      { hint: 'Specify the architecture, kernel and capabilities to resolve it for.' },
    );
  }
  const seccomp = resolveDocker(docker, host);
  const numbers = new Map((docker.profile.syscalls ?? []).map((entry, index) => [entry, index]));
  const profile: Profile = {
    kind: 'Seccomp',
    seccomp,
    docker: { dependsOnContainer: dependsOnContainer(docker) },
    ...(unknownFields.length === 0 ? {} : { unknownFields }),
  };
  return { profile, entries: (seccomp.syscalls ?? []).map((entry) => numbers.get(entry) as number) };
}

function notJson(document: JsonDocument): FairleadError {
  const fault = document.text.startsWith('\ufeff') ? 'JSON with a byte order mark before it' : 'not JSON';
  return new FairleadError('ProfileInvalid', `${positionOf(document, 0)}: ${fault}, but runtimes read only JSON`, {
    hint: `To write it as JSON: ${convertCommand}`,
  });
}
