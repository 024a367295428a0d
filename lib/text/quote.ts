/**
 * Returns a text from an untrusted source, as it can stand in a message: in quotation marks, on one
 * line, and shortened to its first `most` characters. What could play with a terminal or a log is
 * written as an escape.
 */
export function quote(text: string, most = 100): string {
  return escapeControls(JSON.stringify(shorten(text, most)));
}

/**
 * Returns a text with its control and format characters, which could control a terminal or start
 * new lines, written as escapes.
 */
export function escapeControls(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escapeOf);
}

/**
 * Returns lines of JSON with the control and format characters of their texts as escapes of JSON: a
 * log must not control the terminal that shows it, or show a text in another order than it is read.
 */
export function escapeJson(lines: string): string {
  if (!/[^\n\x20-\x7e]/.test(lines)) return lines;
  return lines.replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(character.split(''), (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** Returns the first `most` characters of a text, with `…` if there are more. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  // Not half of a character that takes two units.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return `${text.slice(0, end)}…`;
}

function escapeOf(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
