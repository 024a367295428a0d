import { type Html, html } from './html.ts';
import { count } from './words.ts';

export interface Pager {
  readonly total: number;
  /** Position of the first that is shown, from 0, and how many are shown. */
  readonly first: number;
  readonly shown: number;
  /** The order in words, such as `by name`. */
  readonly order: string;
  readonly size: number;
  readonly previous: string | undefined;
  readonly next: string | undefined;
}

/** Returns the range that is shown, and links to the parts around it. */
export function pager({ total, first, shown, order, size, previous, next }: Pager): Html {
  // An address may name a position behind the last one.
  const range =
    shown === 0
      ? `None of ${count(total)}`
      : `${count(first + 1)}–${count(first + shown)} of ${count(total)}, ${order}`;
  const links = [
    previous !== undefined && html`<a class="button" rel="prev" href="${previous}">Previous ${size}</a>`,
    next !== undefined && html`<a class="button" rel="next" href="${next}">Next ${size}</a>`,
  ];
  return html`<nav class="pager" aria-label="Pages"><p>${range}</p><div>${links}</div></nav>`;
}
