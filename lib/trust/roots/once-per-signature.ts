import type { SignedContent } from '../signature/read/signed-content.ts';

/**
 * Makes a function that computes its result once for each signature, and remembers it, errors too:
 * a rule may have many requirements, and each is tried with each signature.
 */
export function oncePerSignature<T>(make: (content: SignedContent) => T): (content: SignedContent) => T {
  const made = new WeakMap<SignedContent, { readonly value: T } | { readonly error: unknown }>();
  return (content) => {
    let result = made.get(content);
    if (result === undefined) {
      try {
        result = { value: make(content) };
      } catch (error) {
        result = { error };
      }
      made.set(content, result);
    }
    if ('error' in result) throw result.error;
    return result.value;
  };
}
