/**
 * Returns a text that somebody else wrote, quoted for a message, and shortened to its first `most`
 * characters.
 */
export function quote(text: string, most = 100): string {
  return JSON.stringify(text.length > most ? `${text.slice(0, most)}…` : text);
}
