import assert from 'node:assert/strict';
import { it } from 'node:test';
import { renderLintMarkdown } from './render-lint.ts';

const warning = { rule: 'unknown-syscall', level: 'warning', message: '"mownt" | `x`\n# y' } as const;

it('writes a table with errors first, in which text of a profile is code', () => {
  const files = [
    { name: './a.json', path: 'a.json', entries: [{ ...warning, place: { line: 3, column: 1 } }] },
    { name: 'b|.json', entries: [], unread: 'cannot read b|.json' },
  ];
  assert.equal(
    renderLintMarkdown({ command: 'lint', files }),
    `**1 error, 1 warning, 0 remarks in 2 profiles**

| profile | line | | finding |
|---|---|---|---|
| \`b .json\` |  | error | \`cannot read b .json\` |
| \`a.json\` | 3 | warning | \`"mownt"    x  # y\` |
`,
  );
  assert.equal(
    renderLintMarkdown({ command: 'lint', files: [] }),
    '**0 errors, 0 warnings, 0 remarks in 0 profiles**\n',
  );
});

it('stays short enough for the summary of a step', () => {
  const entries = Array.from({ length: 5000 }, () => warning);
  const markdown = renderLintMarkdown({ command: 'lint', files: [{ name: 'a.json', entries }] });
  assert.ok(Buffer.byteLength(markdown) < 60_100);
  assert.match(markdown, /\|\n\n[0-9]+ more findings are not shown\.\n$/);
});
