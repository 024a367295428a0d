import type { SearchResult } from '#lib/catalog/search-query';
import { type Html, html } from '../components/html.ts';
import { catalogHref, type PageQuery } from './catalog-query.ts';

/** Results above which the rail is shown. */
const longList = 200;

/** All letters in the order of names: digits and signs come first. */
const alphabet: readonly string[] = ['#', ...'abcdefghijklmnopqrstuvwxyz'];

/** Returns links to the first letters of names, for a long list that is sorted by them. */
export function rail(query: PageQuery, { total, letters, profiles }: SearchResult): Html | false {
  if (total <= longList || letters.length === 0) return false;
  const current = letterOf(profiles[0]?.name ?? '');
  const links = alphabet.map((letter) => {
    const label = letter === '#' ? '0–9' : letter.toUpperCase();
    const mark = letters.find((candidate) => candidate.letter === letter);
    if (mark === undefined) return html`<li><span>${label}</span></li>`;
    const here = letter === current && html` aria-current="true"`;
    return html`<li><a href="${catalogHref({ ...query, after: mark.after })}"${here}>${label}</a></li>`;
  });
  return html`<nav class="rail" aria-label="First letters"><ul>${links}</ul></nav>`;
}

function letterOf(name: string): string {
  const first = name.charAt(0);
  return /^[a-z]$/.test(first) ? first : '#';
}
