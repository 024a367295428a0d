import { type Html, html } from './html.ts';
import { publisherText } from './publisher-text.ts';

/** Returns a text of a publisher, apart from the direction of the text around it. */
export function publisher(text: string): Html {
  return html`<bdi>${publisherText(text).text}</bdi>`;
}

/**
 * Returns why something failed, in which registries and publishers may have a say, as a sentence:
 * longer than their other texts. A first word gets a capital letter; references stay as they are.
 */
export function reason(text: string): Html {
  const shown = publisherText(text, 600).text.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
  return html`<bdi>${shown}</bdi>${/[.…]$/.test(shown) ? '' : '.'}`;
}

/** Returns the note that a page has if characters of a publisher's text were replaced. */
export function replacedNote(texts: readonly (string | undefined)[]): Html | undefined {
  if (!texts.some((text) => text !== undefined && publisherText(text).replaced)) return undefined;
  return html`<p class="replaced">Texts of publishers on this page contain control characters, or characters that change the
direction of text. They are shown as \uFFFD.</p>`;
}
