const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const list = 0x5b;
const object = 0x7b;

/**
 * Reports whether a JSON text has at most so many values, without parsing it: an empty list takes three bytes of text
 * and twenty times as many once it is parsed, so that the length of a text tells little about its cost. The text need
 * not be valid; what it means is then undefined.
 */
export function hasFewValues(json: Uint8Array, limit: number): boolean {
  let values = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (isInString) {
      if (byte === backslash) at++;
      else if (byte === quote) isInString = false;
    } else if (byte === quote) isInString = true;
    else if ((byte === comma || byte === list || byte === object) && ++values > limit) return false;
  }
  return true;
}

/** Bytes that Go's JSON has more than ours, by the character: it escapes these, and the last two at greater length. */
const escapedByGo: ReadonlyMap<string, number> = new Map([
  ['<', 5],
  ['>', 5],
  ['&', 5],
  ['\u2028', 3],
  ['\u2029', 3],
  ['\\b', 4],
  ['\\f', 4],
]);

/** Returns how many bytes a value takes as JSON of an API server, or a few more: releases of Go differ in `\b` and `\f`. */
export function apiServerBytes(value: unknown): number {
  const json = JSON.stringify(value) ?? '';
  let bytes = Buffer.byteLength(json);
  // Of a backslash and what follows it, both are taken at once.
  for (const [escaped] of json.matchAll(/\\.|[<>&\u2028\u2029]/g)) bytes += escapedByGo.get(escaped) ?? 0;
  return bytes;
}
