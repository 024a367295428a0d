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
