import { createHash } from 'node:crypto';
import type { RenderedAppArmor } from './loader.ts';

/**
 * Stands for the name in the text that the name is made from. `fairlead/` is not part of it: no
 * text is named by itself.
 */
const placeholder = 'fairlead-content';

/**
 * Returns a profile with the name that its content determines: `fairlead/` and the SHA-256 digest
 * of its text under a fixed name, in hex. What is loaded under a name is thus always the same text,
 * and loading it again changes nothing for running processes. No other program uses names of this
 * form, and no profile that Fairlead publishes or converts can have one.
 *
 * @param render returns the text of the profile under a name, which it writes in double quotes.
 */
export function nameByContent(render: (name: string) => string): RenderedAppArmor {
  const name = nameOf(render(placeholder));
  return { name, text: render(name) };
}

/** Reports whether a profile has the name that its content determines. */
export function isNamedByContent({ name, text }: RenderedAppArmor): boolean {
  return isProfileName(name) && nameOf(text.replaceAll(`"${name}"`, `"${placeholder}"`)) === name;
}

/** Reports whether a name is one that {@link nameByContent} makes. */
export function isProfileName(name: string): boolean {
  return /^fairlead\/[0-9a-f]{64}$/.test(name);
}

/**
 * Reports whether a text contains the name of such a profile: alone, in a stack (`a//&b`), or in a
 * namespace.
 */
export function containsProfileName(text: string): boolean {
  return /fairlead\/[0-9a-f]{64}/.test(text);
}

function nameOf(content: string): string {
  return `fairlead/${createHash('sha256').update(content).digest('hex')}`;
}
