/**
 * Most bytes of Warning headers that one answer may have (distribution-spec, "Warnings"), and
 * warnings of one registry that are told.
 */
const bytesLimit = 4096;
const warningsLimit = 100;

/** Tells what a registry warns of, each text once. */
export type WarningTeller = (header: string | undefined) => void;

/** `tell` gets each warning as the registry wrote it: a stranger's words, to be shown with care. */
export function createWarningTeller(tell: (text: string) => void): WarningTeller {
  const told = new Set<string>();
  return (header) => {
    for (const text of parseWarnings(header ?? '')) {
      if (told.has(text) || told.size >= warningsLimit) continue;
      told.add(text);
      tell(text);
    }
  };
}

/**
 * The texts of a Warning header in the one form that registries may use, `299 - "text"`, several of
 * which may stand in one line (RFC 7234, 5.5). Whatever else it holds is left out, and all of it
 * where it is longer than 4 KiB.
 */
export function parseWarnings(header: string): string[] {
  if (header.length > bytesLimit) return [];
  return [...header.matchAll(/(?:^|,)\s*299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replace(/\\(.)/g, '$1'),
  );
}
