import { readJson } from './json/read-json.ts';
import { profileLimits } from './read-profile.ts';
import { parseSpoSeccompWithBase, type SpoSeccompReading } from './seccomp/read/parse-spo.ts';

/**
 * Reads a SeccompProfile as an API server stores it (JSON), with the base profile that it names.
 * Throws ProfileInvalid, naming `source:line:column` and the field, and LimitExceeded.
 */
export function readSeccompResource(bytes: Uint8Array, source: string): SpoSeccompReading {
  return parseSpoSeccompWithBase(readJson(bytes, source, profileLimits));
}
