import { FairleadError } from '#lib/errors';
import type { JsonDocument } from './json/read-json.ts';
import { readJson } from './json/read-json.ts';
import { parseResource, resourceKind } from './parse-resource.ts';
import { parseRuntime, runtimeForms, runtimeKind, seccompProfile, unknownFormat } from './parse-runtime.ts';
import type { Profile } from './profile.ts';
import { readPlainSeccomp } from './seccomp/read-plain.ts';
import type { ResolutionHost } from './seccomp/resolve-docker.ts';
import { isDockerProfile, resolveDocker } from './seccomp/resolve-docker.ts';
import { readYaml } from './yaml/read-yaml.ts';

/** In which form a profile is written: as runtimes read it, as Docker and Podman do, or as the Security Profiles Operator does. */
export type ProfileFormat = 'runtime' | 'docker' | 'spo';

export const profileFormats: readonly ProfileFormat[] = ['runtime', 'docker', 'spo'];

const limits = { bytes: 8 * 1024 * 1024, depth: 16, values: 1_000_000 };

/**
 * Reads a profile that somebody wrote, of any kind and in any known format; what it is, is found out unless told. What
 * comes from a registry is read by readProfile instead, which knows only the form that runtimes read.
 *
 * @param options.host for whom a profile of Docker or Podman is resolved, which is needed for that format.
 * @throws FairleadError ProfileInvalid naming `source:line:column`, or the formats that were tried; LimitExceeded;
 *   InvalidInput where the host is needed and not given.
 */
export function importProfile(
  bytes: Uint8Array,
  source: string,
  options: { readonly format?: ProfileFormat; readonly host?: ResolutionHost } = {},
): Profile {
  if (bytes.every(isBlank)) {
    throw new FairleadError('ProfileInvalid', `${source}: there is nothing in it`, {
      hint: 'A profile of anything has content; a command that was to write it may have failed.',
    });
  }
  const plain = options.format === undefined ? readPlainSeccomp(bytes, source, limits) : undefined;
  // Every other form has fields that the runtime-spec does not have.
  if (plain?.unknownFields.length === 0) return seccompProfile(plain);
  const document = isJson(bytes) ? readJson(bytes, source, limits) : readYaml(bytes, source, limits);
  switch (options.format ?? formatOf(document)) {
    case 'runtime': {
      const kind = runtimeKind(document);
      if (kind === undefined) throw unknownFormat(document, runtimeForms, 'Let the format be found out.');
      return parseRuntime(document, kind);
    }
    case 'docker':
      return parseRuntime(resolve(document, options.host), 'Seccomp');
    case 'spo':
      return parseResource(document);
  }
}

/** JSON is told from YAML, of which it is a part, by its first character: its reader is stricter, and quicker. */
function isJson(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => !isBlank(byte));
  return first === 0x7b || first === 0x5b || first === 0x22;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function formatOf(document: JsonDocument): ProfileFormat {
  if (resourceKind(document) !== undefined) return 'spo';
  if (isDockerProfile(document.root)) return 'docker';
  if (runtimeKind(document) !== undefined) return 'runtime';
  const tried = [
    ...runtimeForms,
    'Docker and Podman ("archMap", "includes")',
    'Security Profiles Operator ("kind: SeccompProfile", "AppArmorProfile", "SelinuxProfile", "RawSelinuxProfile")',
  ];
  throw unknownFormat(
    document,
    tried,
    `Say which it is (--from), one of ${profileFormats.join(', ')}, to see what is wrong with it.`,
  );
}

function resolve(document: JsonDocument, host: ResolutionHost | undefined): JsonDocument {
  if (host !== undefined) return resolveDocker(document, host);
  throw new FairleadError(
    'InvalidInput',
    `${document.source}: a profile of Docker or Podman depends on where it runs`,
    {
      hint: 'Say for which architecture, kernel and capabilities it is to be resolved.',
    },
  );
}
