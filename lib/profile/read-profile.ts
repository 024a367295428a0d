import { FairleadError } from '#lib/errors';
import type { JsonDocument } from './json/read-json.ts';
import { readJson } from './json/read-json.ts';
import { parseRuntime, runtimeForms, runtimeKind, seccompProfile, unknownFormat } from './parse-runtime.ts';
import type { RuntimeKind, RuntimeProfile } from './profile.ts';
import { readPlainSeccomp } from './seccomp/read-plain.ts';

/** Far above every real profile (the largest known are about 100 KiB); what may be pulled has its own, lower limit. */
const limits = { bytes: 8 * 1024 * 1024, depth: 16, values: 1_000_000 };

/**
 * Reads a profile as runtimes and registries have it, and decides its kind, once: runtime-spec linux.seccomp JSON, or
 * the structured AppArmor JSON of KEP-6061. Formats that people write in are read by importProfile.
 *
 * A seccomp profile of a mebibyte takes 3 to 5 ms of one core. To read, validate, intersect and render it takes less than
 * ten times its size in memory where V8 keeps its young generation small (--max-semi-space-size=1, as the shim does), and
 * up to twenty times where it does not.
 *
 * @param source how messages call the input, e.g. its file name.
 * @param kind what it is where the content does not tell: a structured AppArmor profile may be an empty object.
 * @throws FairleadError ProfileInvalid naming `source:line:column` and the field; LimitExceeded.
 */
export function readProfile(bytes: Uint8Array, source = 'profile', kind?: RuntimeKind): RuntimeProfile {
  if (kind !== 'AppArmor') {
    const plain = readPlainSeccomp(bytes, source, limits);
    if (plain !== undefined) return seccompProfile(plain);
  }
  const document = readDocument(bytes, source);
  const found = runtimeKind(document) ?? kind;
  if (found !== undefined) return parseRuntime(document, found);
  throw unknownFormat(document, runtimeForms, hint);
}

const hint =
  'Runtimes read runtime-spec seccomp JSON and KEP-6061 AppArmor JSON. Others become that with: fairlead convert --to runtime';

function readDocument(bytes: Uint8Array, source: string): JsonDocument {
  try {
    return readJson(bytes, source, limits);
  } catch (error) {
    // Most often it is YAML, which only people write.
    if (!(error instanceof FairleadError) || error.kind !== 'ProfileInvalid') throw error;
    throw new FairleadError('ProfileInvalid', error.message, { cause: error.cause, hint });
  }
}
