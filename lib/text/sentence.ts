/**
 * Returns a text as a sentence: with a full stop, unless it ends with a mark that ends sentences.
 */
export function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Returns a message and the next step, as two sentences. */
export function withNextStep(message: string, next: string): string {
  return `${sentence(message)} ${next}`;
}
