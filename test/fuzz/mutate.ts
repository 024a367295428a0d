/** A number from 0 to below `below`. */
export type Random = (below: number) => number;

/** mulberry32: small, and the same sequence for a seed everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, below);
  };
}

/**
 * Returns a text with up to eight changes: pieces put in, parts cut, doubled or moved, single
 * characters replaced.
 */
export function mutate(text: string, pieces: readonly string[], random: Random): string {
  let result = text;
  for (let count = random(random(3) === 0 ? 8 : 2); count >= 0; count -= 1) {
    const at = random(result.length + 1);
    const head = result.slice(0, at);
    const piece = pieces[random(pieces.length)] ?? '';
    const kind = random(6);
    if (kind === 0) result = head + piece + result.slice(at);
    else if (kind === 1) result = head + result.slice(at + random(30));
    else if (kind === 2) result = head + piece + result.slice(at + random(12));
    else if (kind === 3) result = head + result.slice(random(at + 1), at) + result.slice(at);
    else if (kind === 4)
      result = head + String.fromCharCode(random(random(2) === 0 ? 128 : 65_536)) + result.slice(at + 1);
    else result = head + piece.repeat(random(50) === 0 ? random(5_000) : random(3)) + result.slice(at);
    if (result.length > 200_000) return result.slice(0, 200_000);
  }
  return result;
}
