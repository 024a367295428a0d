import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ReportEntry } from '#lib/profile/report/report';
import { gitlabCodeQuality } from './gitlab-code-quality.ts';

const place = (line: number) => ({ line, column: 5 });
const change = { rule: 'loosened', level: 'warning', subject: 'mount', message: 'ERRNO -> ALLOW' } as const;
const issues = (...entries: readonly ReportEntry[]) =>
  JSON.parse(gitlabCodeQuality({ command: 'diff', files: [{ name: './a.json', path: 'a.json', entries }] }));

it('has what GitLab requires of an issue', () => {
  const [issue] = issues({ ...change, place: place(7) });
  assert.deepEqual(issue, {
    description: 'mount: ERRNO -> ALLOW',
    check_name: 'fairlead-diff-loosened',
    fingerprint: issue.fingerprint,
    severity: 'minor',
    location: { path: 'a.json', lines: { begin: 7 } },
  });
  assert.match(issue.fingerprint, /^[0-9a-f]{64}$/);
});

it('has fingerprints that are unique, and the same if lines move', () => {
  const fingerprints = (...lines: number[]): string[] =>
    issues(...lines.map((line) => ({ ...change, place: place(line) }))).map(
      ({ fingerprint }: { fingerprint: string }) => fingerprint,
    );
  assert.equal(new Set(fingerprints(1, 1, 2)).size, 3);
  assert.deepEqual(fingerprints(1, 9), fingerprints(4, 5));
  const others = issues(change, { ...change, subject: 'ptrace' }, { ...change, rule: 'changed' });
  assert.equal(new Set(others.map(({ fingerprint }: { fingerprint: string }) => fingerprint)).size, 3);
});

it('reports files that cannot be read, and none outside of the repository', () => {
  const files = [
    { name: 'b.json', path: 'b.json', entries: [], unread: 'cannot read b.json' },
    { name: 'stdin', entries: [change] },
  ];
  const found = JSON.parse(gitlabCodeQuality({ command: 'lint', files }));
  assert.deepEqual(
    found.map(({ check_name: check, severity, location }: Record<string, unknown>) => [check, severity, location]),
    [['fairlead-lint-unreadable', 'major', { path: 'b.json', lines: { begin: 1 } }]],
  );
});
