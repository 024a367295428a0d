import type { Tone } from './badge.ts';
import { type Html, html } from './html.ts';

/** Returns a note: a coloured block whose first sentence is bold. */
export function note(tone: Tone, { lead, rest }: { lead: string | Html; rest?: string | Html }): Html {
  return html`<div class="note ${tone}"><p><strong>${lead}</strong>${rest !== undefined && html` ${rest}`}</p></div>`;
}
