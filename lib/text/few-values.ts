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
