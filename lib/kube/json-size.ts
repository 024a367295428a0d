const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const list = 0x5b;
const object = 0x7b;

/**
 * Reports whether a JSON text has at most `limit` values, without parsing it. An empty list takes
 * three bytes of text and twenty times as many after parsing, so that the length of a text tells
 * little about its cost. The result is undefined for invalid JSON.
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

/**
 * Bytes that the JSON of Go has more than ours, for what it escapes, or escapes at greater length.
 */
const escapedByGo: readonly [string, number][] = [
  ['<', 5],
  ['>', 5],
  ['&', 5],
  ['\u2028', 3],
  ['\u2029', 3],
  ['\\b', 4],
  ['\\f', 4],
];

/**
 * Returns how many bytes a value takes as JSON of an API server, or a few more: releases of Go
 * differ in `\b` and `\f`, and so do a backslash and a letter that only look like these.
 */
export function apiServerBytes(value: unknown): number {
  const json = JSON.stringify(value) ?? '';
  let bytes = Buffer.byteLength(json);
  for (const [text, more] of escapedByGo) {
    // Not by a pattern, which takes ten times as long where megabytes are escaped.
    for (let at = json.indexOf(text); at >= 0; at = json.indexOf(text, at + text.length)) bytes += more;
  }
  return bytes;
}
