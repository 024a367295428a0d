/** Colours, each for light and dark, and type. Contrast is at least 4.5 for text, 3 for marks. */
export const tokens = `
:root {
  color-scheme: light dark;
  --bg: light-dark(#ffffff, #0f1317);
  --sunken: light-dark(#f5f7f8, #161c22);
  --line: light-dark(#e2e6ea, #262e37);
  --edge: light-dark(#848e9a, #66727f);
  --ink: light-dark(#17212b, #e6ebf0);
  --soft: light-dark(#3c4855, #c3ccd5);
  --muted: light-dark(#5a6572, #9aa6b2);
  --link: light-dark(#0a58a6, #84b9f2);
  --link-bg: light-dark(#e9f1fa, #172636);
  --strict: light-dark(#0b6b5a, #54c8ad);
  --strict-bg: light-dark(#e5f3ef, #10292a);
  --more: light-dark(#8a4b00, #eab061);
  --more-bg: light-dark(#fdf2e1, #2b2314);
  --bad: light-dark(#b0241c, #ff978e);
  --bad-bg: light-dark(#fdeeec, #301a1b);
  --mark-allow: light-dark(#3f4f5f, #aebbc8);
  --mark-cond: light-dark(#7f8c9a, #6b7987);
  --mark-more: light-dark(#c4730a, #eab061);
  --sans: -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif;
  --mono: ui-monospace, 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace;
  --meta: 13px/20px var(--sans);
  --row: 14px/20px var(--sans);
}
`;
