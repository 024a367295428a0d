import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { toJsonSchema } from '@valibot/to-json-schema';
import { parsePolicyDocument } from './policy/parse-policy-document.ts';
import { policySchema } from './policy/policy-schema.ts';

const docs = new URL('../../docs/', import.meta.url);

describe('docs/guides/trust-policy.md', () => {
  const text = readFileSync(new URL('guides/trust-policy.md', docs), 'utf8');
  const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, example = '']) => example);

  it('has policies that parse, each with rules', () => {
    assert.ok(examples.length > 0);
    for (const example of examples)
      assert.ok(parsePolicyDocument(example, 'docs/guides/trust-policy.md').rules.length > 0);
  });
});

describe('docs/reference/trust-policy.schema.json', () => {
  it('is the form that the parser knows (FAIRLEAD_UPDATE=1 writes it anew)', () => {
    const file = new URL('reference/trust-policy.schema.json', docs);
    const schema = {
      title: 'Fairlead trust policy',
      ...toJsonSchema(policySchema),
    };
    if (process.env['FAIRLEAD_UPDATE'] === '1') writeFileSync(file, `${JSON.stringify(schema, undefined, 2)}\n`);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), schema);
  });
});

describe('docs/security/attacks.md', () => {
  const rows = readFileSync(new URL('security/attacks.md', docs), 'utf8')
    .split('\n')
    .filter((line) => /(?:\.test|-cases)\.ts`: /.test(line));

  it('names tests that are there', () => {
    assert.ok(rows.length > 25);
    for (const row of rows) {
      const tests = [...row.matchAll(/`([^`]*(?:\.test|-cases)\.ts)`: (.*?)(?=; `| \|$)/g)];
      assert.ok(tests.length > 0, row);
      for (const [, file = '', title = ''] of tests) {
        const text = readFileSync(new URL(`../${file}`, docs), 'utf8');
        assert.ok(text.includes(title), `${file} has no test with this in its name: ${title}`);
      }
    }
  });
});
