import { html as escaped } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

/** Markup, in which every text from outside is escaped. */
export type Html = HtmlEscapedString;

/** What may stand in a template. Texts are escaped; `false` and `undefined` leave nothing. */
export type Part = Html | string | number | false | undefined | readonly Part[];

/**
 * Returns the markup of a template. Attributes stand in quotation marks, and no part is the name of
 * an element or an attribute.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  // It is a promise only if a part is one, which `Part` excludes.
  return escaped(strings, ...parts) as Html;
}

/** Returns an attribute that is set or absent, with a space before it. */
export function flag(name: 'checked' | 'open' | 'selected' | 'aria-current', set: boolean): Html | false {
  if (!set) return false;
  return name === 'aria-current' ? html` aria-current="true"` : html` ${name}`;
}
