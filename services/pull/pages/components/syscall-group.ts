import { flag, type Html, html } from './html.ts';
import { count } from './words.ts';

/** How a call ends under a profile, beside what RuntimeDefault does. */
export type CallOutcome =
  | 'allowed'
  /** Allowed under a condition on its arguments. */
  | 'conditional'
  /** Allowed by the profile, denied by RuntimeDefault: nodes do not grant it. */
  | 'asked'
  /** Denied by the profile, allowed by RuntimeDefault. */
  | 'stricter'
  | 'deniedByBoth';

export interface SyscallGroup {
  readonly name: string;
  /** How many calls of the group have each outcome. */
  readonly calls: Readonly<Record<CallOutcome, number>>;
  readonly open: boolean;
  /** The rows of the body, empty ones left out: an outcome in words, and its calls. */
  readonly rows: readonly { readonly outcome: CallOutcome; readonly title: string; readonly content: Html }[];
}

/** In the order in which cells are drawn. */
const outcomes: readonly CallOutcome[] = ['allowed', 'conditional', 'asked', 'stricter', 'deniedByBoth'];

/** The words of the legend. */
const legend: Readonly<Record<CallOutcome, string>> = {
  allowed: 'allowed',
  conditional: 'under a condition',
  stricter: 'denied, stricter than RuntimeDefault',
  asked: 'asked for, not granted',
  deniedByBoth: 'denied by both',
};

/** Returns a group of system calls: its chart and figures, and when open its calls by outcome. */
export function syscallGroup({ name, calls, open, rows }: SyscallGroup): Html {
  const allowed = calls.allowed + calls.conditional;
  const denied = calls.stricter + calls.asked + calls.deniedByBoth;
  const body = rows.map(
    ({ outcome, title, content }) => html`<div><dt>${outcomeMark(outcome)}${title}</dt><dd>${content}</dd></div>`,
  );
  return html`<details class="group"${flag('open', open)}><summary><span class="group-name">${name}</span>${chart(calls)}
<span class="group-figure"><b>${count(allowed)}</b> allowed</span><span class="group-figure">${count(denied)} denied</span></summary>
<dl class="outcomes">${body}</dl></details>`;
}

/** Returns what the cells of the charts mean. */
export function syscallLegend(): Html {
  const entries = (['allowed', 'conditional', 'stricter', 'asked', 'deniedByBoth'] as const).map(
    (outcome) => html`<li>${outcomeMark(outcome)}${legend[outcome]}</li>`,
  );
  return html`<ul class="legend">${entries}</ul>`;
}

/** Returns the mark of an outcome, larger than its cell. */
export function outcomeMark(outcome: CallOutcome): Html {
  return html`<svg class="mark" viewBox="0 0 8 14" width="8" height="14" aria-hidden="true">${cell(outcome, 0, 6)}</svg>`;
}

/** One cell of 4 px for each call: all groups have one scale. */
function chart(calls: SyscallGroup['calls']): Html {
  let x = 0;
  const cells = outcomes.flatMap((outcome) =>
    Array.from({ length: calls[outcome] }, () => {
      const drawn = cell(outcome, x, 3);
      x += 4;
      return drawn;
    }),
  );
  return html`<svg class="chart" viewBox="0 0 ${Math.max(x, 4)} 14" width="${Math.max(x, 4)}" height="14" preserveAspectRatio="none"
aria-hidden="true">${cells}</svg>`;
}

function cell(outcome: CallOutcome, x: number, width: number): Html {
  switch (outcome) {
    case 'allowed':
      return html`<rect class="allow" x="${x}" y="1" width="${width}" height="12"/>`;
    case 'conditional':
      return html`<rect class="cond" x="${x}" y="1" width="${width}" height="12"/>`;
    case 'asked':
      return html`<rect class="hollow" x="${x + 0.5}" y="1.5" width="${width - 1}" height="11"/>`;
    case 'stricter':
      return html`<rect class="strict" x="${x}" y="9" width="${width}" height="4"/>`;
    case 'deniedByBoth':
      return html`<rect class="none" x="${x}" y="11" width="${width}" height="2"/>`;
  }
}
