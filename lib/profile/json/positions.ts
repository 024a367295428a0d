const NEWLINE = 0x0a;

/**
 * Returns `source:line:column` of several offsets of a text in one pass, as positionOf returns it
 * for one.
 */
export function positionsOf(text: string, source: string, offsets: readonly number[]): readonly string[] {
  const positions = new Map<number, string>();
  let line = 1;
  let column = 1;
  let at = 0;
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    for (; at < offset; at += 1) {
      column += 1;
      if (text.charCodeAt(at) !== NEWLINE) continue;
      line += 1;
      column = 1;
    }
    positions.set(offset, `${source}:${line}:${column}`);
  }
  return offsets.map((offset) => positions.get(offset) as string);
}
