import { type Html, html } from './html.ts';

export type IconName = 'verified' | 'refused' | 'unsigned' | 'unchecked';

const shapes: Readonly<Record<IconName, Html>> = {
  verified: html`<circle cx="8" cy="8" r="6.25"/><path d="M5.2 8.2l2 2 3.6-4"/>`,
  refused: html`<circle cx="8" cy="8" r="6.25"/><path d="M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"/>`,
  unsigned: html`<path d="M8 2.2L14.4 13.4H1.6ZM8 6.4v3.4M8 11.3v.6"/>`,
  unchecked: html`<circle cx="8" cy="8" r="6.25" stroke-dasharray="2.4 2.4"/>`,
};

/** Returns an icon. The words beside it state the same. */
export function icon(name: IconName): Html {
  return html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${shapes[name]}</svg>`;
}
