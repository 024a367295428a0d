import { distance } from 'fastest-levenshtein';

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
    const edits = distance(text, candidate.toLowerCase());
    if (edits >= least) continue;
    least = edits;
    best = candidate;
  }
  return best;
}
