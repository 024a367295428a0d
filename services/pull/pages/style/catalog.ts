/** The catalog: filters on the left, rows on the right. */
export const catalog = `
.catalog { display: grid; grid-template-columns: 200px minmax(0, 1fr); gap: 24px 56px; margin-top: 32px; align-items: start; }
.filters > summary { display: flex; justify-content: space-between; gap: 16px; padding: 11px 16px; font: 650 14px/20px var(--sans); cursor: pointer; list-style: none; }
.filters > summary::-webkit-details-marker { display: none; }
.filter + .filter { margin-top: 28px; }
.filter h2 { font-size: 13px; line-height: 20px; margin-bottom: 6px; }
.filter li a { display: flex; justify-content: space-between; gap: 12px; margin-inline: -8px; padding: 4px 8px; border-radius: 6px; color: var(--soft); font: var(--row); }
.filter li a:hover { background: var(--sunken); text-decoration: none; }
.filter li a[aria-current] { background: var(--link-bg); color: var(--link); font-weight: 650; }
.filter p { padding-block: 4px; }
.filter p a { display: block; line-height: 20px; }
.figure { flex: none; font: var(--meta); color: var(--muted); font-variant-numeric: tabular-nums; }
a[aria-current] .figure { color: inherit; font-weight: 650; }

.results-head { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 24px; }
.results-head h2 { font-size: 14px; line-height: 20px; }
.results-head p { font: var(--meta); color: var(--muted); }
.tokens { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 12px; }
.tokens a { display: inline-flex; gap: 8px; max-width: 100%; padding: 2px 10px; border-radius: 6px; background: var(--link-bg); font: var(--meta); line-height: 22px; }
.rail ul { display: flex; justify-content: space-between; flex-wrap: wrap; gap: 4px; margin-top: 14px; }
.rail a, .rail span { display: block; min-width: 25px; padding: 3px 4px; border-radius: 4px; text-align: center; font: var(--meta); }
.rail span { color: var(--muted); }
.rail a[aria-current] { background: var(--ink); color: var(--bg); font-weight: 650; }

.row, .heads { display: grid; grid-template-columns: minmax(0, 1fr) 178px 84px; gap: 0 40px; }
.heads { padding-block: 12px 8px; font: var(--meta); border-bottom: 1px solid var(--line); }
.heads a { display: inline-block; padding-block: 2px; color: var(--muted); }
.heads a[aria-current] { color: var(--ink); font-weight: 650; }
.heads > :nth-child(3), .row > :nth-child(3) { text-align: right; }
.row { padding-block: 15px 16px; border-bottom: 1px solid var(--line); }
.row h3 { font-size: 15px; line-height: 22px; }
.row h3 a { font-weight: 650; }
.row h3 small { margin-left: 5px; }
.summary { max-width: 528px; text-wrap: pretty; font: var(--row); color: var(--soft); display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; line-clamp: 2; overflow: hidden; }
.meta { display: flex; flex-wrap: wrap; gap: 0 16px; margin-top: 3px; font: var(--meta); color: var(--muted); }
.meta > * { min-width: 0; }
.meta .icon { width: 14px; height: 14px; margin-right: 6px; vertical-align: -2px; }
.meta .strict, .row-calls .more { color: var(--tone); }
.meta .unsigned { color: var(--more); }
.row-calls { font: var(--meta); color: var(--muted); padding-top: 1px; }
.row-calls .kind { color: var(--soft); }
.row-calls b { color: var(--ink); }
.row-calls .kind-line { display: flex; justify-content: space-between; width: 168px; }
.row-calls .bar { margin-block: 4px 6px; }
.row-date { font: var(--meta); color: var(--muted); padding-top: 1px; }

.empty { max-width: 640px; padding-block: 32px; }
.empty ul.ways { margin-top: 16px; }
.ways li { padding-block: 2px; }
.steps > li { margin-top: 24px; }
.steps .copy { margin-top: 8px; }
.values { columns: 3 220px; column-gap: 40px; margin-top: 24px; }
.values li { break-inside: avoid; }
`;
