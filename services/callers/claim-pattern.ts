/** What a wildcard does not match: it separates the parts of subjects, repositories and refs. */
const separators = new Set(['/', ':']);

/**
 * Returns whether a pattern matches the whole of a text, such as a subject or the value of a claim:
 * `*` matches any part without `/` and `:`, `**` any part at all. Everything else stands for
 * itself. The time is at most the product of both lengths.
 */
export function matchesClaim(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text;
  const parts = pattern.match(/\*\*|[^*]|\*/gsu) ?? [];
  // The positions in the pattern that the text may have reached so far.
  let reached = withEmptyWildcards(new Set([0]), parts);
  for (const character of text) {
    const next = new Set<number>();
    for (const at of reached) {
      const part = parts[at];
      if (part === '**' || (part === '*' && !separators.has(character))) next.add(at);
      else if (part === character) next.add(at + 1);
    }
    reached = withEmptyWildcards(next, parts);
    if (reached.size === 0) return false;
  }
  return reached.has(parts.length);
}

/** Adds the positions after wildcards that match nothing. */
function withEmptyWildcards(positions: ReadonlySet<number>, parts: readonly string[]): Set<number> {
  const all = new Set<number>();
  for (const position of positions) {
    let at = position;
    all.add(at);
    while (parts[at] === '*' || parts[at] === '**') all.add(++at);
  }
  return all;
}
