import { type Html, html } from './html.ts';
import { type IconName, icon } from './icon.ts';

/** How something differs from what RuntimeDefault permits, or how a check ended. */
export type Tone = 'neutral' | 'strict' | 'more' | 'bad';

/** Returns a badge: words in a box, with an icon if it is the result of a check. */
export function badge(tone: Tone, words: string | Html, options: { icon?: IconName; href?: string } = {}): Html {
  const content = html`${options.icon !== undefined && icon(options.icon)}${words}`;
  if (options.href === undefined) return html`<span class="badge ${tone}">${content}</span>`;
  return html`<a class="badge ${tone}" href="${options.href}">${content}</a>`;
}
