import { nodeValue } from '#lib/profile/json/node-value';
import { readJson } from '#lib/profile/json/read-json';
import { profileLimits } from '#lib/profile/read-profile';

/**
 * Parses an object for its validation. Integers above 2^53 become bigints, as conditions of
 * syscalls have them. Throws LimitExceeded, ProfileInvalid or SyntaxError if it is too large or not
 * valid JSON.
 */
export function parseObject(json: Uint8Array): unknown {
  // The fields of the API server (managedFields) nest deeper than profiles.
  if (hasLongNumber(json)) return nodeValue(readJson(json, 'object', { ...profileLimits, depth: 64 }).root);
  return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString());
}

const digitsOfRounding = 16;

function hasLongNumber(json: Uint8Array): boolean {
  let digits = 0;
  for (const byte of json) {
    digits = byte >= 0x30 && byte <= 0x39 ? digits + 1 : 0;
    if (digits === digitsOfRounding) return true;
  }
  return false;
}
