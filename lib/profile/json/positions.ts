const NEWLINE = 0x0a;

/** `source:line:column` of offsets into UTF-8 text, as positionOf gives them for offsets into a string, in one pass. */
export function positionsOf(bytes: Uint8Array, source: string, offsets: readonly number[]): readonly string[] {
  const positions = new Map<number, string>();
  let line = 1;
  let column = 1;
  let at = 0;
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    for (; at < offset; at += 1) {
      const byte = bytes[at] as number;
      if (byte === NEWLINE) {
        line += 1;
        column = 1;
      } else column += utf16Units(byte);
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
