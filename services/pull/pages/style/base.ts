/** Elements as they are without a class. */
export const base = `
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/24px var(--sans); overflow-wrap: anywhere; }
h1, h2, h3, p, ul, ol, dl, dd, figure, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { font-size: 28px; line-height: 36px; font-weight: 650; letter-spacing: -0.01em; }
h2 { font-size: 19px; line-height: 28px; font-weight: 650; }
h3 { font-size: 14px; line-height: 20px; font-weight: 650; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; text-underline-offset: 3px; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 4px; }
main:focus-visible { outline: none; }
code, pre, .mono { font-family: var(--mono); font-size: 12.5px; line-height: 20px; }
b, strong { font-weight: 650; }
small { font-size: inherit; font-weight: 400; color: var(--muted); }
svg { display: block; fill: none; stroke: none; }
time { white-space: nowrap; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.lead { margin-top: 4px; max-width: 860px; color: var(--muted); text-wrap: pretty; }
.lead a, .note a, small a { text-decoration: underline; text-underline-offset: 3px; }
.plain { font: var(--meta); }
`;
