/** The pages of profiles and of images. */
export const profile = `
.path ol { display: flex; flex-wrap: wrap; gap: 0 6px; font: var(--meta); color: var(--muted); }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 16px; margin-top: 4px; }
.title h1 small { font-weight: 400; }
.title > p { display: flex; flex-wrap: wrap; gap: 8px; }
.publisher-summary { margin-top: 4px; max-width: 560px; color: var(--soft); }
.title + .reference, .publisher-summary + .reference { margin-top: 16px; }
.sections { position: sticky; top: 0; z-index: 1; margin-top: 24px; border-bottom: 1px solid var(--line); background: var(--bg); }
.sections ul { display: flex; flex-wrap: wrap; gap: 0 24px; }
.sections a { display: block; padding-block: 10px; font: var(--row); color: var(--muted); }
.sections a:hover { color: var(--ink); }
.sections + .with-aside { margin-top: 40px; }
.with-aside [id] { scroll-margin-top: 56px; }
.with-aside > aside { top: 72px; }
.bar.wide { margin-top: 20px; padding: 0; }
.with-aside > div > .block:first-child { margin-top: 0; }
.figures { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 16px 24px; margin-top: 16px; }
.figures > div { padding-left: 12px; border-left: 2px solid var(--ink); }
.figures > .strict { border-color: var(--strict); }
.figures > .more { border-color: var(--mark-more); }
.figures dt { font-size: 24px; line-height: 32px; font-weight: 650; font-variant-numeric: tabular-nums; }
.figures .strict dt { color: var(--strict); }
.figures .more dt { color: var(--more); }
.figures dd { max-width: 190px; font: var(--meta); color: var(--muted); }
.default-action { margin-top: 20px; font: var(--row); color: var(--soft); }
.statements { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 24px 40px; margin-top: 32px; }
.statements h3 { padding-bottom: 8px; border-bottom: 1px solid var(--line); }
.statements h3 .mark { vertical-align: -3px; }
.statements li { padding-block: 8px; border-bottom: 1px solid var(--line); font: var(--row); }
.statements li code { display: block; font-size: 12px; color: var(--muted); }
.statements + .note { margin-top: 24px; }
.groups { margin-top: 16px; border-top: 1px solid var(--line); }
.lead + .legend { margin-top: 16px; }
.outcomes dd a { color: inherit; }
.outcomes dd a:hover { color: var(--link); }
.group.rules > summary { grid-template-columns: minmax(0, 1fr) auto; }
.lead + .copy { margin-top: 16px; }
.versions { margin-top: 12px; border-top: 1px solid var(--line); }
.versions li { display: grid; grid-template-columns: minmax(80px, 1fr) minmax(0, 4fr) auto; gap: 0 16px; padding-block: 9px; border-bottom: 1px solid var(--line); font: var(--meta); color: var(--muted); }
.versions li > :first-child { font-weight: 650; color: var(--ink); }
.tone { margin-right: 8px; color: var(--tone); }
.fields select { min-width: 128px; }
.fields + .diff, .fields + .lead, .fields + .note { margin-top: 16px; }
.diff h3 { line-height: 20px; }
#artifact .facts { margin-top: 12px; }
.aside-list { margin-top: 32px; }
.panel + .aside-list { margin-top: 32px; }
.aside-list + .aside-list { padding-top: 24px; border-top: 1px solid var(--line); }
.aside-list h2 { font-size: 15px; line-height: 20px; }
.aside-list li { margin-top: 8px; font: var(--meta); }
.panel .facts dd { overflow-wrap: anywhere; }
@media (max-width: 860px) {
  .figures, .statements { grid-template-columns: minmax(0, 1fr); }
  .figures { gap: 12px; }
  .figures dd { max-width: none; }
  .sections { overflow: visible; }
  .sections ul { gap: 0 16px; }
  .sections a { padding-block: 6px; font: var(--meta); }
  .versions li { grid-template-columns: minmax(0, 1fr) auto; }
  .versions li > :nth-child(2) { grid-column: 1 / -1; grid-row: 2; }
  .with-aside > aside { margin-top: 16px; }
}
@media print {
  .sections, .fields { display: none; }
}
`;
