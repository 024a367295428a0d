/** A part of a JSON text: from its first byte to the one after its last. */
export interface JsonPart {
  readonly start: number;
  readonly end: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

/**
 * Returns the members of an object in a JSON text, by name, without parsing their values: a value
 * of megabytes may not be worth it. Of two members of one name the last counts, as for JSON.parse.
 *
 * @param at where the object is, which must be valid JSON.
 * @returns undefined if there is no object, or one that does not end.
 */
export function jsonMembers(json: Uint8Array, at: JsonPart): ReadonlyMap<string, JsonPart> | undefined {
  const members = new Map<string, JsonPart>();
  let place = skipBlanks(json, at.start);
  if (json[place] !== 0x7b) return undefined;
  place = skipBlanks(json, place + 1);
  if (json[place] === 0x7d) return members;
  while (place < at.end) {
    if (json[place] !== quote) return undefined;
    const nameEnd = endOfString(json, place);
    const name = nameOf(json, { start: place, end: nameEnd });
    place = skipBlanks(json, nameEnd);
    if (name === undefined || json[place] !== colon) return undefined;
    const start = skipBlanks(json, place + 1);
    const end = endOfValue(json, start);
    members.set(name, { start, end });
    place = skipBlanks(json, end);
    if (json[place] === 0x7d) return members;
    if (json[place] !== comma) return undefined;
    place = skipBlanks(json, place + 1);
  }
  return undefined;
}

function nameOf(json: Uint8Array, { start, end }: JsonPart): string | undefined {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset + start, end - start).toString()) as string;
  } catch {
    return undefined;
  }
}

function skipBlanks(json: Uint8Array, at: number): number {
  let place = at;
  while (json[place] === 0x20 || json[place] === 0x0a || json[place] === 0x0d || json[place] === 0x09) place += 1;
  return place;
}

function endOfString(json: Uint8Array, at: number): number {
  let place = at + 1;
  while (place < json.length && json[place] !== quote) place += json[place] === backslash ? 2 : 1;
  return place + 1;
}

/** Returns the end of a value: of a list or object, where as many brackets are closed as opened. */
function endOfValue(json: Uint8Array, at: number): number {
  let depth = 0;
  let place = at;
  while (place < json.length) {
    const byte = json[place] as number;
    if (byte === quote) {
      place = endOfString(json, place);
      if (depth === 0) return place;
      continue;
    }
    if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) {
      // The bracket of what a number or word is in.
      if (depth === 0) return place;
      depth -= 1;
      if (depth === 0) return place + 1;
    } else if (byte === comma && depth === 0) return place;
    place += 1;
  }
  return place;
}
