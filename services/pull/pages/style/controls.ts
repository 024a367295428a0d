/** Buttons, fields and other controls. */
export const controls = `
input, select, textarea, button { font: inherit; color: inherit; }
input, select, textarea { border: 1px solid var(--edge); border-radius: 6px; background: var(--bg); padding: 0 12px; min-width: 0; }
input, select { height: 40px; }
select { padding-inline: 8px; }
textarea { display: block; width: 100%; padding: 12px 14px; font: 12.5px/20px var(--mono); resize: vertical; }
::placeholder { color: var(--muted); opacity: 1; }
input[type=search]::-webkit-search-cancel-button { appearance: none; }
input:focus-visible, select:focus-visible, textarea:focus-visible { outline-offset: -1px; border-radius: 6px; }
label > span { display: block; font: var(--meta); color: var(--muted); }
.button, button { display: inline-flex; align-items: center; justify-content: center; min-height: 40px; padding: 0 16px; border: 1px solid var(--edge); border-radius: 6px; background: none; color: var(--ink); font: 650 14px/20px var(--sans); cursor: pointer; }
.button:hover, button:hover { border-color: var(--ink); text-decoration: none; }
.primary { background: var(--ink); border-color: var(--ink); color: var(--bg); }
.primary:hover { background: var(--soft); border-color: var(--soft); }
.search { display: flex; gap: 8px; margin-top: 20px; }
.search input { flex: 1; height: 44px; padding-inline: 16px; border-radius: 8px; font-size: 16px; }
.search button { border-radius: 8px; padding-inline: 20px; }
.fields { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; margin-top: 20px; }
.pager { display: flex; flex-wrap: wrap; gap: 12px; align-items: center; justify-content: space-between; margin-top: 24px; font: var(--row); color: var(--muted); }
.pager div { display: flex; gap: 8px; }
.pager .button { min-height: 34px; padding-inline: 12px; }
.actions { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 24px; }
`;
