/** Longer texts are not misspelled words, and comparing them takes time. */
const longest = 128;

/**
 * Returns the candidate that is closest to what was written, by edit distance without regard to
 * letter case: at most two edits, or a quarter of a long word, and never more than half of a short
 * one. Returns undefined if none is that close.
 */
export function closest(written: string, candidates: Iterable<string>): string | undefined {
  if (written.length > longest) return undefined;
  const text = written.toLowerCase();
  let best: string | undefined;
  let least = Math.min(Math.floor(text.length / 2), Math.max(2, Math.floor(text.length / 4))) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) >= least) continue;
    const distance = editDistance(text, candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

/** Returns the Levenshtein distance, one row at a time. */
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
