/** Narrow windows, print, and colours that the reader forces. */
export const media = `
@media (min-width: 861px) {
  @supports selector(::details-content) {
    .filters > summary { display: none; }
    .filters::details-content { content-visibility: visible; display: block; block-size: auto; }
  }
}
@media (max-width: 860px) {
  h1 { font-size: 24px; line-height: 32px; }
  .wide, main { padding-inline: 16px; }
  main { padding-block: 24px 40px; }
  .copy pre { font-size: 11.5px; line-height: 19px; }
  header.site .wide { flex-wrap: wrap; padding-block: 10px 6px; gap: 0 20px; }
  header.site nav { order: 3; width: 100%; }
  header.site nav ul { gap: 0 14px; }
  header.site nav a { font-size: 13px; }
  .header-search input { width: 100%; max-width: 200px; }
  .with-aside, .catalog { grid-template-columns: minmax(0, 1fr); }
  .with-aside > aside { position: static; }
  .catalog { margin-top: 16px; }
  .filters { border: 1px solid var(--line); border-radius: 8px; }
  .filters > div { padding: 8px 16px 16px; }
  .heads { display: none; }
  .summary { -webkit-line-clamp: 3; line-clamp: 3; }
  .row { display: block; }
  .row-calls { display: flex; flex-wrap: wrap; gap: 0 12px; align-items: center; margin-top: 4px; }
  .row-calls .kind-line { display: contents; }
  .row-calls .kind-line > :last-child { order: 1; }
  .row-calls > :not(.kind-line, .bar) { order: 2; }
  .row-calls .bar { width: 106px; margin: 0 -6px 0 0; }
  .row-date { display: none; }
  .group > summary { grid-template-columns: minmax(0, 1fr) auto auto; padding-block: 8px; }
  .group .chart { grid-column: 1 / -1; grid-row: 2; }
  .outcomes > div, .diff li { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 480px) {
  .facts > div { grid-template-columns: minmax(0, 1fr); }
  .header-search { display: none; }
  .reference small, .reference span { display: none; }
}
@media (prefers-contrast: more) {
  :root { --line: var(--edge); --muted: var(--soft); }
}
@media (forced-colors: active) {
  .allow, .track, svg .none { fill: CanvasText; }
  .cond { fill: GrayText; }
  svg .strict, svg .more { fill: Highlight; }
  .hollow { stroke: Highlight; }
  .badge, .note, .tokens a, .filter a[aria-current], .rail a[aria-current], .primary { border: 1px solid; }
}
@media print {
  :root { color-scheme: light; }
  header.site nav, .header-search, .skip, .search, .filters, .rail, .pager, .heads { display: none; }
  .catalog, .with-aside { display: block; }
  .wide, main { padding-inline: 0; }
  main { padding-block: 16px; min-height: 0; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  .row, .group, .copy, .note, .diff li { break-inside: avoid; }
  .copy pre { border-top: 0; }
}
`;
