import { type Html, html } from './html.ts';

/** A name and what stands for it; one without content is left out. */
export type Fact = readonly [name: string, content: string | Html | undefined];

/** Returns a list of facts: names on the left, contents on the right. */
export function facts(list: readonly Fact[]): Html {
  const rows = list.map(
    ([name, content]) => content !== undefined && html`<div><dt>${name}</dt><dd>${content}</dd></div>`,
  );
  return html`<dl class="facts">${rows}</dl>`;
}
