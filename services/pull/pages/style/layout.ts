/** Header, footer, and the columns of pages. */
export const layout = `
.wide, main { max-width: 1168px; margin-inline: auto; padding-inline: 24px; }
main { padding-block: 40px 64px; min-height: calc(100vh - 130px); }
.skip { position: absolute; left: 16px; top: -64px; z-index: 2; padding: 8px 16px; border-radius: 6px; background: var(--ink); color: var(--bg); }
.skip:focus { top: 10px; }
header.site { border-bottom: 1px solid var(--line); }
header.site .wide { display: flex; align-items: center; gap: 8px 40px; min-height: 56px; }
header.site a { color: var(--muted); font: var(--row); }
header.site a:hover { color: var(--ink); text-decoration: none; }
header.site .brand { display: flex; align-items: center; gap: 9px; color: var(--ink); font-size: 16px; font-weight: 650; }
.brand svg { stroke: var(--strict); stroke-width: 2; stroke-linecap: round; }
header.site nav ul { display: flex; flex-wrap: wrap; gap: 0 24px; }
header.site nav a { display: block; padding-block: 6px; }
header.site nav a[aria-current] { color: var(--ink); font-weight: 650; }
.header-search { margin-left: auto; }
.header-search input { width: 240px; height: 34px; padding-inline: 12px; font: var(--row); }
footer.site { border-top: 1px solid var(--line); font: var(--meta); color: var(--muted); }
footer.site .wide { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 8px 40px; padding-block: 24px; }
footer.site .wide > div { flex: 1 1 480px; }
footer.site div p { display: inline; }
footer.site ul { display: flex; flex-wrap: wrap; gap: 4px 20px; }
footer.site a { color: var(--muted); }
.with-aside { display: grid; grid-template-columns: minmax(0, 1fr) 304px; gap: 40px 64px; align-items: start; }
.with-aside > aside { position: sticky; top: 24px; }
.error { max-width: 720px; padding-top: 32px; }
.error .mono { color: var(--muted); }
.error h1 { margin-top: 4px; }
.error .lead { margin-top: 12px; font-size: 16px; line-height: 26px; color: var(--soft); }
.error .facts { margin-top: 32px; padding-top: 20px; border-top: 1px solid var(--line); }
.block { margin-top: 56px; }
.block > h2 + .lead { margin-top: 2px; font: var(--row); }
`;
