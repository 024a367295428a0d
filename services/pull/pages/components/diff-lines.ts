import { type Html, html } from './html.ts';

/** What a profile does with some calls or rules, and what another does with them. */
export interface DiffLine {
  readonly what: string | Html;
  readonly was: string;
  readonly is: string;
}

export interface Differences {
  readonly loosened: readonly DiffLine[];
  readonly tightened: readonly DiffLine[];
  /** Neither looser nor stricter. */
  readonly changed: readonly DiffLine[];
}

/**
 * Returns the differences of two profiles: what became looser first.
 *
 * @param counts what each heading states, such as `4 calls`
 */
export function diffLines(differences: Differences, counts: Readonly<Record<keyof Differences, string>>): Html {
  const parts = (['loosened', 'tightened', 'changed'] as const).map(
    (part) =>
      differences[part].length > 0 &&
      html`<section class="${part}"><h3>${headings[part]} <small>${counts[part]}</small></h3><ul>${differences[part].map(diffLine)}</ul></section>`,
  );
  return html`<div class="diff">${parts}</div>`;
}

const headings: Readonly<Record<keyof Differences, string>> = {
  loosened: 'Loosened',
  tightened: 'Tightened',
  changed: 'Changed, neither looser nor stricter',
};

function diffLine({ what, was, is }: DiffLine): Html {
  return html`<li><code>${what}</code><span>${was} <span aria-hidden="true">→</span><span class="hidden"> becomes</span> <b>${is}</b></span></li>`;
}
