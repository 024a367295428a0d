import { detectForm } from './detect-form.ts';
import { readJson } from './json/read-json.ts';
import { refuseUnknown } from './parse-runtime.ts';
import type { PublishedProfile } from './profile.ts';
import { profileLimits, readProfile } from './read-profile.ts';
import { parseDocker } from './seccomp/read/parse-docker.ts';
import { readPlainSeccomp } from './seccomp/read/read-plain.ts';

/**
 * Reads a seccomp profile as CRI-O reads it from an artifact (go.podman.io/common/pkg/seccomp): in
 * the form of Docker and Podman, of which that of runtimes is a part. Unlike there, unknown members
 * and other letter cases are refused, and `minKernel` counts, as in Docker.
 *
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field; LimitExceeded.
 */
export function readCrioProfile(bytes: Uint8Array, source: string): PublishedProfile {
  const seccomp = readPlainSeccomp(bytes, profileLimits);
  if (seccomp !== undefined) return { kind: 'Seccomp', seccomp };
  const document = readJson(bytes, source, profileLimits);
  if (detectForm(document)?.form !== 'docker') return readProfile(bytes, source, 'Seccomp');
  const { docker, unknownFields } = parseDocker(document);
  refuseUnknown(unknownFields);
  return { kind: 'Seccomp', unresolved: docker };
}
