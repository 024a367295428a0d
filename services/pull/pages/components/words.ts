import { type Html, html } from './html.ts';

const numbers = new Intl.NumberFormat('en-US');

/** Returns a number with separators: `10,000`. */
export function count(value: number): string {
  return numbers.format(value);
}

/** Returns a number with what is counted: `1 profile`, `2 profiles`. */
export function counted(value: number, one: string, several = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : several}`;
}

/** Returns values as a list in words: `a, b and c`. */
export function listed(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} and ${values.at(-1)}`;
}

/** Returns the day of a time, `28 Nov 2026`; undefined for a text that is not a time. */
export function day(time: string | Date): Html | undefined {
  const date = dateOf(time);
  return date && html`<time datetime="${date.toISOString()}">${dayOf(date)}</time>`;
}

/** Returns a time, `28 Nov 2026 22:10 UTC`; undefined for a text that is not a time. */
export function moment(time: string | Date): Html | undefined {
  const date = dateOf(time);
  return (
    date && html`<time datetime="${date.toISOString()}">${dayOf(date)} ${date.toISOString().slice(11, 16)} UTC</time>`
  );
}

/** A text must be as in RFC 3339: `Date` finds years in texts of all kinds. */
function dateOf(time: string | Date): Date | undefined {
  if (typeof time === 'string' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(time))
    return undefined;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Its form is `Sat, 28 Nov 2026 22:10:00 GMT`. */
function dayOf(date: Date): string {
  return date.toUTCString().slice(5, 16).replace(/^0/, '');
}
