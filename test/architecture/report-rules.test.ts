import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { ruleMeanings } from '#lib/profile/report/rules';

const profile = new URL('../../lib/profile/', import.meta.url);

it('reports explain every code of lint, and no other', () => {
  const files = readdirSync(profile, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('report/'),
  );
  const sources = files.map((file) => readFileSync(new URL(file, profile), 'utf8')).join('\n');
  const written = /(?:warning|info|warn|finding)\(\s*'([a-z-]+)'|code: ((?:'[a-z-]+'(?: \| )?)+)/g;
  const codes = [...sources.matchAll(written)].flatMap(([, first, type = '']) =>
    first === undefined ? [...type.matchAll(/'([a-z-]+)'/g)].map(([, code = '']) => code) : [first],
  );
  const ofDiff = ['loosened', 'tightened', 'changed', 'new-profile', 'deleted-profile', 'invalid-profile'];
  assert.deepEqual(Object.keys(ruleMeanings).sort(), [...new Set([...codes, ...ofDiff])].sort());
});
