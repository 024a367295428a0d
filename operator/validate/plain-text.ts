import { shorten } from '#lib/text/quote';

/**
 * Returns the message of a library as it can stand in ours: on one line, shortened, and without
 * control characters of the input that it quotes.
 */
export function plainText(message: string): string {
  return shorten(message, 200).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
