import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { parsePolicy } from '#lib/trust/parse-policy';

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const read = (file: string) => readFileSync(`${deploy}${file}`, 'utf8');

describe('deploy/', () => {
  it('has a sample policy that the shim can load', () => {
    const { rules } = parsePolicy(read('shim/policy.yaml'), 'policy.yaml');
    assert.deepEqual(
      rules.map(({ match, unsigned }) => [match, unsigned]),
      [['registry.example.com/security/**', false]],
    );
  });

  for (const file of readdirSync(`${deploy}operator`).filter((name) => name.endsWith('.yaml'))) {
    it(`has well-formed YAML in operator/${file}`, () => {
      for (const document of parseAllDocuments(read(`operator/${file}`))) {
        assert.deepEqual([document.errors, document.warnings], [[], []]);
        assert.ok(document.has('apiVersion') && document.has('kind'));
      }
    });
  }
});
