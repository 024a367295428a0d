import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parsePolicy } from './parse-policy.ts';

describe('docs/trust-policy.md', () => {
  const path = new URL('../../docs/trust-policy.md', import.meta.url);
  const examples = [...readFileSync(path, 'utf8').matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, example = '']) => example,
  );

  it('has policies that parse, each with rules', () => {
    assert.ok(examples.length > 0);
    for (const example of examples) assert.ok(parsePolicy(example, 'docs/trust-policy.md').rules.length > 0);
  });
});
