import type { CatalogResult } from '../catalog-view.ts';
import { type Html, html } from '../components/html.ts';
import { catalogHref, type PageQuery } from './catalog-query.ts';

/** Results above which the rail is shown. */
const longList = 200;

const letters: readonly string[] = ['0–9', ...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** Returns links to the first letters of names, for a long list that is sorted by them. */
export function rail(query: PageQuery, { total, initials, profiles }: CatalogResult): Html | false {
  if (total <= longList || query.sort !== 'name') return false;
  const current = initialOf(profiles[0]?.name ?? '');
  const links = letters.map((letter) => {
    const initial = initials.find((candidate) => candidate.letter === letter);
    if (initial === undefined) return html`<li><span>${letter}</span></li>`;
    const here = letter === current && html` aria-current="true"`;
    return html`<li><a href="${catalogHref({ ...query, after: initial.after })}"${here}>${letter}</a></li>`;
  });
  return html`<nav class="rail" aria-label="First letters"><ul>${links}</ul></nav>`;
}

/** Returns the letter of the rail under which a name stands. */
export function initialOf(name: string): string {
  const first = name.charAt(0).toUpperCase();
  return /^[A-Z]$/.test(first) ? first : '0–9';
}
