import { type Html, html } from './html.ts';

export interface CopyBlock {
  /** What it is. */
  readonly title: string;
  /** When to use it, or what it needs. */
  readonly when?: string | Html;
  /** What is copied, whole: one click selects it. */
  readonly text: string;
  /** Address of the same text as a document, for keyboards and curl. */
  readonly raw?: string;
}

/** Returns a block with text to copy. Long lines are wrapped with a hanging indent. */
export function copyBlock({ title, when, text, raw }: CopyBlock): Html {
  const way = raw === undefined ? html`<span>one click selects all</span>` : html`<a href="${raw}">Raw</a>`;
  // A <div> for each line, so that a line which is wrapped has an indent of its own.
  const lines = text.split('\n').map((line) => html`<div>${line === '' ? '\n' : line}</div>`);
  return html`<figure class="copy"><figcaption><p><b>${title}</b>${when !== undefined && html` ${when}`}</p>${way}</figcaption>
<pre>${lines}</pre></figure>`;
}

/** Returns a reference to copy: Tab or a click selects all of it. */
export function referenceField(reference: string): Html {
  return html`<label class="reference"><span>Reference</span><input readonly aria-label="Reference" value="${reference}"><small>Tab or triple-click selects
all</small></label>`;
}
