/** Pages on which readers enter something: the playground, and forms for addresses. */
export const forms = `
.playground { margin-top: 20px; }
.playground label > span { margin-bottom: 6px; }
.other { margin-top: 12px; }
.other summary { width: fit-content; padding-block: 4px; font: var(--row); color: var(--link); cursor: pointer; }
.other label { display: block; margin-top: 8px; }
.block-note { margin-top: 12px; }
.block > .diff, .findings { margin-top: 16px; }
.findings { border-top: 1px solid var(--line); font: var(--row); }
.findings li { display: grid; grid-template-columns: 84px minmax(0, 1fr); gap: 8px 12px; align-items: baseline; padding-block: 9px; border-bottom: 1px solid var(--line); }
.findings .badge { justify-self: start; }
.list-title { margin-top: 32px; font-size: 14px; line-height: 20px; }
.list-title + .values { margin-top: 8px; }
`;
