import { FairleadError } from '#lib/errors';
import { positionOf, readJson } from './json/read-json.ts';
import type { Profile } from './profile.ts';
import { parseSeccomp } from './seccomp/parse.ts';

/** Far above every real profile (the largest known are about 100 KiB); what may be pulled has its own, lower limit. */
const limits = { bytes: 8 * 1024 * 1024, depth: 16, values: 1_000_000 };

/**
 * Reads a profile as runtimes and registries have it, and decides its kind, once: runtime-spec linux.seccomp JSON.
 * Formats that people write in are read by importProfile.
 *
 * @param source how messages call the input, e.g. its file name.
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field; LimitExceeded.
 */
export function readProfile(bytes: Uint8Array, source = 'profile'): Profile {
  const document = readJson(bytes, source, limits);
  if (document.root.type !== 'object' || !document.root.members.has('defaultAction')) {
    throw new FairleadError(
      'ProfileInvalid',
      `${positionOf(document, document.root.at)}: not a known profile format: tried runtime-spec seccomp JSON, which is an object with "defaultAction"`,
      { hint: 'Give the linux.seccomp object of the OCI runtime-spec, as runtimes and Kubernetes read it.' },
    );
  }
  const { profile, unknownFields } = parseSeccomp(document);
  return { kind: 'Seccomp', seccomp: profile, ...(unknownFields.length === 0 ? {} : { unknownFields }) };
}
