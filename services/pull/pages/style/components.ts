/** The components that several pages share, by the files in components/. */
export const components = `
.icon { display: inline-block; flex: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; vertical-align: -3px; }
.neutral { --tone: var(--muted); --tone-bg: var(--sunken); }
.strict { --tone: var(--strict); --tone-bg: var(--strict-bg); }
.more { --tone: var(--more); --tone-bg: var(--more-bg); }
.bad { --tone: var(--bad); --tone-bg: var(--bad-bg); }
.badge { display: inline-flex; align-items: center; gap: 6px; min-height: 24px; padding: 1px 8px; border-radius: 4px; background: var(--tone-bg); color: var(--tone); font: var(--meta); }
.badge.neutral { padding-block: 0; border: 1px solid var(--line); background: none; color: var(--soft); }
.badge .icon { width: 14px; height: 14px; }

.note { padding: 16px 20px; border-radius: 8px; background: var(--tone-bg); font: 14px/22px var(--sans); color: var(--soft); }
.note strong { color: var(--ink); }
.note .icon { color: var(--tone); }
.replaced { margin-top: 16px; font: var(--meta); color: var(--more); }

.facts { font: var(--meta); }
.facts > div { display: grid; grid-template-columns: 84px minmax(0, 1fr); gap: 0 24px; padding-block: 4px; }
.facts dt { color: var(--muted); }
.facts code { font-size: 12px; }

.reference { display: flex; align-items: center; gap: 16px; padding: 0 16px; border: 1px solid var(--line); border-radius: 8px; background: var(--sunken); }
.reference input { flex: 1; height: 42px; padding: 0; border: 0; border-radius: 0; background: none; font: 12.5px/20px var(--mono); text-overflow: ellipsis; }
.reference small { font: var(--meta); white-space: nowrap; }

.copy { border: 1px solid var(--line); border-radius: 8px; }
.copy figcaption { display: flex; justify-content: space-between; gap: 16px; padding: 9px 16px; border-bottom: 1px solid var(--line); font: var(--meta); color: var(--muted); }
.copy figcaption b { color: var(--soft); }
.copy figcaption > :last-child { flex: none; }
.copy pre { padding: 14px 16px; border-radius: 0 0 8px 8px; background: var(--sunken); white-space: pre-wrap; user-select: all; }
.copy pre div { padding-left: 4ch; text-indent: -4ch; }
.copy + .copy { margin-top: 16px; }

.bar { width: 178px; height: 8px; }
.bar.wide { width: 100%; height: 16px; }
.track { fill: var(--line); }
.allow { fill: var(--mark-allow); }
.cond { fill: var(--mark-cond); }
svg .strict { fill: var(--strict); }
svg .more { fill: var(--mark-more); }
svg .none { fill: var(--edge); }
.hollow { stroke: var(--mark-more); stroke-width: 1; vector-effect: non-scaling-stroke; }
.mark { display: inline-block; flex: none; margin-right: 8px; vertical-align: -2px; }

.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font: var(--meta); color: var(--muted); }
.group { border-bottom: 1px solid var(--line); font: var(--row); }
.group > summary { display: grid; grid-template-columns: 184px minmax(0, 1fr) 76px 76px; gap: 4px 12px; align-items: center; min-height: 42px; padding-left: 28px; position: relative; cursor: pointer; list-style: none; }
.group > summary::-webkit-details-marker { display: none; }
.group > summary::before { content: ''; position: absolute; left: 5px; width: 6px; height: 6px; border: solid var(--muted); border-width: 1.5px 1.5px 0 0; rotate: 45deg; }
.group[open] > summary::before { rotate: 135deg; }
.group > summary:hover .group-name { text-decoration: underline; text-underline-offset: 3px; }
.group-name { font-weight: 650; }
.group-figure { font: var(--meta); color: var(--muted); text-align: right; font-variant-numeric: tabular-nums; }
.group-figure b { color: var(--ink); }
.chart { max-width: 100%; }
.outcomes { padding: 4px 0 16px 28px; }
.outcomes > div { display: grid; grid-template-columns: 172px minmax(0, 1fr); gap: 0 12px; padding-block: 6px; }
.outcomes dt { font: var(--meta); color: var(--muted); }
.calls { display: flex; flex-wrap: wrap; gap: 2px 14px; }

.diff { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; font: var(--meta); }
.diff h3 { padding: 8px 16px; background: var(--sunken); font-size: 13px; }
.diff .loosened h3 { background: var(--more-bg); color: var(--more); }
.diff .tightened h3 { background: var(--strict-bg); color: var(--strict); }
.diff h3 small { margin-left: 4px; }
.diff li { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 3fr); gap: 0 16px; padding: 9px 16px; border-top: 1px solid var(--line); color: var(--muted); }
.diff li code, .diff b { color: var(--ink); }

.panel { border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.panel > header { display: flex; gap: 12px; padding: 16px; background: var(--tone-bg); color: var(--tone); font: var(--meta); }
.panel > header h2 { font-size: 15px; line-height: 20px; }
.panel > header .icon { width: 20px; height: 20px; }
.panel-body { padding: 16px; }
.panel .facts > div { display: block; padding-block: 0 12px; }
`;
