const NEWLINE = 0x0a;

/**
 * `source:line:column` of several offsets in one pass, as positionOf gives it for one.
 *
 * @param text a string with offsets in UTF-16 units, or UTF-8 with offsets in bytes.
 */
export function positionsOf(text: string | Uint8Array, source: string, offsets: readonly number[]): readonly string[] {
  const unitAt = typeof text === 'string' ? (at: number) => text.charCodeAt(at) : (at: number) => text[at] as number;
  const positions = new Map<number, string>();
  let line = 1;
  let column = 1;
  let at = 0;
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    for (; at < offset; at += 1) {
      const unit = unitAt(at);
      column += typeof text === 'string' ? 1 : utf16Units(unit);
      if (unit !== NEWLINE) continue;
      line += 1;
      column = 1;
    }
    positions.set(offset, `${source}:${line}:${column}`);
  }
  return offsets.map((offset) => positions.get(offset) as string);
}

/** How many UTF-16 units a character has, at its first byte; at the others none. */
function utf16Units(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte < 0xc0) return 0;
  return byte < 0xf0 ? 1 : 2;
}
