import type { CallCounts } from '#lib/catalog/entry';
import { type Html, html } from './html.ts';

/** Units of the drawing for all calls that RuntimeDefault allows, and for those beyond. */
const scale = 168;
const gap = 2;
const most = 8;

/**
 * Returns the bar of a profile in a list: the calls that it leaves of those that RuntimeDefault
 * allows, and a mark behind them if it asks for more. The numbers stand beside it as text.
 */
export function callsBar({ allowed, baseline, asked }: CallCounts): Html {
  const mark =
    asked > 0 && html`<rect class="more" x="${scale + gap}" y="1" width="${beyond(asked, baseline)}" height="6"/>`;
  return html`<svg class="bar" viewBox="0 0 178 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" y="3.5" width="${scale}" height="1"/>
<rect class="allow" y="1" width="${part(allowed, baseline)}" height="6"/>${mark}</svg>`;
}

/**
 * Returns the bar of a profile on its page: tall what it allows, low what it denies and
 * RuntimeDefault allows, hollow what it asks for and nodes do not grant.
 */
export function wideCallsBar({ allowed, baseline, asked }: CallCounts): Html {
  const kept = part(allowed, baseline);
  const mark =
    asked > 0 && html`<rect class="hollow" x="${scale + 1}" y="1" width="${beyond(asked, baseline) / 4}" height="14"/>`;
  return html`<svg class="bar wide" viewBox="0 0 172 16" preserveAspectRatio="none" aria-hidden="true"><rect class="allow" width="${kept}" height="16"/>
<rect class="strict" x="${kept}" y="11" width="${scale - kept}" height="5"/>${mark}</svg>`;
}

function part(value: number, of: number): number {
  if (of <= 0) return 0;
  return Math.round(100 * scale * Math.min(1, Math.max(0, value / of))) / 100;
}

function beyond(asked: number, baseline: number): number {
  return Math.min(most, Math.max(4, part(asked, baseline)));
}
