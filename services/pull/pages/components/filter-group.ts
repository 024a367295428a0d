import { flag, type Html, html } from './html.ts';
import { count } from './words.ts';

export interface FilterGroup {
  readonly title: string;
  readonly values: readonly { label: string | Html; count: number; href: string; set: boolean }[];
  /** The link to all values, if more exist than are shown. */
  readonly all?: { readonly label: string; readonly href: string };
}

/** Returns a filter: links with counts. Following the link of one that is set removes it. */
export function filterGroup({ title, values, all }: FilterGroup): Html {
  const items = values.map(
    ({ label, count: profiles, href, set }) =>
      html`<li><a href="${href}"${flag('aria-current', set)}><span>${label}</span> <span class="figure">${count(profiles)}</span></a></li>`,
  );
  return html`<section class="filter"><h2>${title}</h2><ul>${items}</ul>${all && html`<p><a class="plain" href="${all.href}">${all.label}</a></p>`}</section>`;
}
