import type { Position } from '../place.ts';

const NEWLINE = 0x0a;

/** Returns the positions of several offsets of a text, in one pass. */
export function linesOf(text: string, offsets: readonly number[]): readonly Position[] {
  const positions = new Map<number, Position>();
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
    positions.set(offset, { line, column });
  }
  return offsets.map((offset) => positions.get(offset) as Position);
}

/** Returns `source:line:column` of several offsets of a text, as positionOf returns it for one. */
export function positionsOf(text: string, source: string, offsets: readonly number[]): readonly string[] {
  return linesOf(text, offsets).map(({ line, column }) => `${source}:${line}:${column}`);
}

/**
 * Returns the position with which the message of an error about a text begins (see positionOf);
 * undefined if it begins with another one, or with none.
 */
export function positionIn(message: string, source: string): Position | undefined {
  if (!message.startsWith(`${source}:`)) return undefined;
  const [, line, column] = /^:([0-9]+):([0-9]+): /.exec(message.slice(source.length)) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: Number(column) };
}
