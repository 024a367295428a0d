import { flag, type Html, html } from './html.ts';
import { count } from './words.ts';

export interface FilterGroup {
  readonly title: string;
  readonly values: readonly { label: string | Html; count: number; href: string; set: boolean }[];
  /** The link to all values, if more exist than are shown. */
  readonly all?: { readonly label: string; readonly href: string };
}

/** Returns the values of a filter as links with counts. Following one that is set removes it. */
export function filterList(values: FilterGroup['values']): Html {
  const items = values.map(
    ({ label, count: profiles, href, set }) =>
      html`<li><a href="${href}"${flag('aria-current', set)}><span>${label}</span> <span class="figure">${count(profiles)}</span></a></li>`,
  );
  return html`<ul>${items}</ul>`;
}

/** Returns a filter under its title, with the link to all values. */
export function filterGroup({ title, values, all }: FilterGroup): Html {
  return html`<section class="filter"><h2>${title}</h2>${filterList(values)}${
    all && html`<p><a class="plain" href="${all.href}">${all.label}</a></p>`
  }</section>`;
}
