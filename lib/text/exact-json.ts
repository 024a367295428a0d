/** A part of ECMAScript that TypeScript's library does not declare yet. */
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
}

const exactJson = JSON as unknown as ExactJson;

/** Looks like a number that JavaScript may not hold exactly: with 16 digits, or an exponent. */
const suspicious = /[:[,]\s*-?(?:\d{16}|\d+(?:\.\d+)?[eE])/;

/**
 * Parses JSON. A number that JavaScript cannot hold, such as 2^63-1 in an argument of a syscall, is
 * an object that JSON.stringify writes as it was. Throws SyntaxError.
 */
export function parseExactJson(text: string): unknown {
  if (!suspicious.test(text)) return JSON.parse(text);
  return exactJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? exactJson.rawJSON(source) : value,
  );
}
