/** The page that explains a decision of the policy. */
export const why = `
.why { align-items: end; }
.wide-field { flex: 1 1 320px; }
.why input { width: 100%; }
.why .mono { font: 12.5px/20px var(--mono); }
.outcome { display: flex; gap: 16px; margin-top: 32px; padding: 16px 24px; border-radius: 10px; background: var(--tone-bg); }
.outcome .icon { width: 22px; height: 22px; margin-top: 4px; color: var(--tone); }
.outcome h2 { color: var(--tone); }
.outcome.neutral h2 { color: var(--ink); }
.outcome p { max-width: 720px; font: 14px/22px var(--sans); }
.why-body { margin-top: 48px; }
.rules { position: relative; margin-top: 16px; }
.rule { display: grid; grid-template-columns: 32px minmax(0, 1fr); gap: 0 16px; padding-bottom: 24px; position: relative; font: var(--row); }
.rule:not(:last-child)::before { content: ''; position: absolute; left: 15px; top: 32px; bottom: 0; width: 1px; background: var(--line); }
.number { display: grid; place-items: center; width: 32px; height: 32px; border: 1px solid var(--edge); border-radius: 50%; background: var(--bg); font: 650 13px/20px var(--sans); color: var(--soft); }
.rule.strict > .number, .rule.bad > .number { border-color: var(--tone); background: var(--tone); color: var(--bg); }
.rule.not-asked > .number { border-style: dashed; color: var(--muted); }
.rule-body { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 16px; padding-top: 5px; }
.rule-body > code { font-size: 13px; }
.rule-body > .requirements { grid-column: 1 / -1; }
.rule-outcome { grid-row: 1 / 3; grid-column: 2; text-align: right; font: var(--meta); color: var(--muted); }
.rule-outcome b { display: block; font-weight: 400; }
.rule.strict .rule-outcome b, .rule.bad .rule-outcome b, .rule.neutral .rule-outcome b { font-weight: 650; color: var(--tone); }
.wants { font: var(--meta); color: var(--muted); }
.beside { font: var(--meta); color: var(--muted); }
.beside > div { display: grid; grid-template-columns: 40px minmax(0, 1fr); gap: 0 12px; }
.beside code { font-size: 12px; }
mark { padding: 1px 2px; border-radius: 3px; background: var(--more-bg); color: var(--more); }
.requirements { margin-top: 10px; border: 1px solid var(--line); border-radius: 8px; }
.requirement + .requirement { border-top: 1px solid var(--line); }
.requirement > p, .requirement li { display: flex; gap: 12px; padding: 10px 16px; font: var(--row); color: var(--ink); }
.requirement li { border-top: 1px solid var(--line); }
.requirement .icon { margin-top: 2px; color: var(--tone); }
.requirement li:not(.strict) .icon { color: var(--muted); }
.remedies h3 { margin: 24px 0 8px; }
.why-facts { margin-top: 0; }
.why-facts .facts > div, .image .facts > div { display: block; padding-block: 4px 8px; }
.none { margin-top: 16px; padding: 16px; border: 1px dashed var(--edge); border-radius: 8px; font: var(--row); color: var(--muted); }
.lead + .note { margin-top: 16px; }
.entries { margin-top: 16px; border-top: 1px solid var(--line); }
.entry { padding-block: 12px; border-bottom: 1px solid var(--line); font: var(--row); }
.entry h2, .entry h3 { font-size: 15px; line-height: 22px; }
.entry .summary { color: var(--soft); }
.entry .meta { display: flex; flex-wrap: wrap; gap: 0 16px; font: var(--meta); color: var(--muted); }
.entry .meta .icon { margin-right: 6px; color: var(--strict); }
.image { margin-top: 40px; }
.image > aside { top: 24px; }
.image .aside-list { margin-top: 0; }
.refused ul { padding: 0 0 12px 28px; font: var(--meta); color: var(--muted); }
@media (max-width: 860px) {
  .rule-body { grid-template-columns: minmax(0, 1fr); }
  .rule-outcome { grid-row: 2; grid-column: 1; text-align: left; }
  .rule-outcome b { display: inline; margin-right: 8px; }
  .outcome { padding: 16px; }
}
`;
