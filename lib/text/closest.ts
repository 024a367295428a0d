import { distance } from 'fastest-levenshtein';

/** Longer texts are not misspelled words, and comparing them takes time. */
const longest = 128;

/**
 * Returns the candidate that is closest to what was written, by edit distance without regard to
 * letter case: at most one edit in a word of less than five letters, two in a longer one, and a
 * quarter of a long one. Two adjacent letters in the wrong order are one edit. Of two that are as
 * close, the first one that begins with the same letter is returned. Returns undefined if none is
 * that close.
 */
export function closest(written: string, candidates: Iterable<string>): string | undefined {
  if (written.length > longest) return undefined;
  const text = written.toLowerCase();
  let best: string | undefined;
  let least =
    (text.length < 5 ? Math.min(1, Math.floor(text.length / 2)) : Math.max(2, Math.floor(text.length / 4))) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) > least) continue;
    const edits = editsBetween(text, candidate.toLowerCase());
    const isTie = edits === least && best !== undefined && !beginsAs(text, best) && beginsAs(text, candidate);
    if (edits >= least && !isTie) continue;
    least = edits;
    best = candidate;
  }
  return best;
}

function beginsAs(text: string, candidate: string): boolean {
  return candidate.toLowerCase().startsWith(text.charAt(0));
}

function editsBetween(text: string, candidate: string): number {
  const edits = distance(text, candidate);
  return edits === 2 && isSwap(text, candidate) ? 1 : edits;
}

/** Reports whether two texts differ by the order of two adjacent letters. */
function isSwap(text: string, candidate: string): boolean {
  const at = Array.from(text, (_, index) => index).find((index) => text[index] !== candidate[index]) ?? 0;
  const [one = '', other = ''] = text.slice(at);
  return `${text.slice(0, at)}${other}${one}${text.slice(at + 2)}` === candidate;
}
