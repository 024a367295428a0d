import { withoutSecrets } from '#lib/network/error-words';

/**
 * Most bytes of Warning headers in one answer (distribution-spec, "Warnings"), and most warnings of
 * one registry that are reported.
 */
const bytesLimit = 4096;
const warningsLimit = 100;

/** Reports the warnings in a header, each text once, without the secrets of the request. */
export type WarningReporter = (header: string | undefined, secrets: readonly string[]) => void;

/** `report` gets each warning as the registry wrote it: the text is not trusted. */
export function createWarningReporter(report: (text: string) => void): WarningReporter {
  const reported = new Set<string>();
  return (header, secrets) => {
    for (const warning of parseWarnings(header ?? '')) {
      const text = withoutSecrets(warning, secrets);
      if (reported.has(text) || reported.size >= warningsLimit) continue;
      reported.add(text);
      report(text);
    }
  };
}

/**
 * Returns the texts of a Warning header in the only form that registries may use, `299 - "text"`,
 * of which one line may have several (RFC 7234, 5.5). Anything else is ignored, and the whole
 * header if it is longer than 4 KiB.
 */
export function parseWarnings(header: string): string[] {
  if (header.length > bytesLimit) return [];
  return [...header.matchAll(/(?:^|,)\s*299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replace(/\\(.)/g, '$1'),
  );
}
