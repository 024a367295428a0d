/** The reference of the API. */
export const reference = `
.reference-page { display: grid; grid-template-columns: 240px minmax(0, 1fr); gap: 24px 56px; margin-top: 32px; align-items: start; }
.reference-page > nav { position: sticky; top: 24px; font: var(--meta); }
.reference-page > nav a { display: block; padding-block: 4px; color: var(--soft); }
.reference-page > nav b { font-size: 12px; color: var(--muted); }
.operation + .operation { margin-top: 48px; padding-top: 40px; border-top: 1px solid var(--line); }
.operation h3 { margin-top: 24px; }
.address { display: flex; gap: 10px; align-items: center; margin-top: 6px; }
.operation .text, .named-schema .text { margin-top: 8px; font: var(--row); color: var(--soft); }
.members, .answers { margin-top: 6px; border-top: 1px solid var(--line); font: var(--meta); }
.members li, .answers > div { padding-block: 7px; border-bottom: 1px solid var(--line); }
.members p, .answers p { color: var(--soft); }
.members .members { margin: 6px 0 -7px 24px; }
.members .members > :last-child { border-bottom: 0; }
.answers > div { display: grid; grid-template-columns: 56px minmax(0, 1fr); gap: 12px; }
.answers summary { padding-block: 3px; cursor: pointer; }
.named-schema { border-bottom: 1px solid var(--line); }
.named-schema summary { padding-block: 9px; cursor: pointer; }
.named-schema summary h3 { display: inline; }
.named-schema > div { padding-bottom: 20px; scroll-margin-top: 56px; }
@media (max-width: 860px) {
  .reference-page { grid-template-columns: minmax(0, 1fr); }
  .reference-page > nav { position: static; }
}
`;
