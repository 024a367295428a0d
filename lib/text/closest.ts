/**
 * The candidate that is at most two edits (half of the word, if it is short) from what was written;
 * undefined where none is near.
 */
export function closest(written: string, candidates: readonly string[]): string | undefined {
  const reach = Math.min(2, Math.floor(written.length / 2));
  let best: { word: string; distance: number } | undefined;
  for (const word of candidates) {
    const distance = editDistance(written.toLowerCase(), word.toLowerCase());
    if (distance <= reach && (best === undefined || distance < best.distance)) best = { word, distance };
  }
  return best?.word;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
