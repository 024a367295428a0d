import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { signer } from '#test/support/publication';
import { describeViolation } from '../validate/verdict.ts';
import { validateTrustPolicy } from './validate-trust-policy.ts';

const key = signer.key.publicKey.key.export({ type: 'spki', format: 'pem' }).toString();
const match = 'registry.example.com/**';

async function refusals(spec: unknown, name = 'default'): Promise<readonly string[]> {
  return (await validateTrustPolicy({ metadata: { name }, spec })).violations.map(describeViolation);
}

describe('validateTrustPolicy', () => {
  it('accepts a valid policy, also one without rules', async () => {
    for (const spec of [{}, { rules: [{ match, require: [{ key }] }] }, { rules: [{ match, unsigned: true }] }]) {
      assert.deepEqual(await refusals(spec), []);
    }
  });

  it('refuses another name, which the operator would not read', async () => {
    const [refusal] = await refusals({}, 'mine');
    assert.match(refusal ?? '', /^metadata\.name: "mine" has no effect: .* named default\. Name it default, /);
  });

  it('names every invalid key, and the root', async () => {
    const found = await refusals({
      rules: [
        { match, require: [{ anyOf: [{ key: 'a' }, { key }] }] },
        { match, require: [{ key: 'b' }] },
      ],
      trustedRoot: { json: '{}' },
    });
    assert.deepEqual(
      found.map((line) => line.split(': ')[0]),
      ['spec.rules[0].require[0].anyOf[0].key', 'spec.rules[1].require[0].key', 'spec.trustedRoot.json'],
    );
  });

  it('names what the schema refuses, and what the parser does', async () => {
    for (const [spec, field] of [
      [{ rules: [{ match, require: [] }] }, 'spec.rules[0].require'],
      [{ rules: [{ match, kinds: ['Other'], unsigned: true }] }, 'spec.rules[0].kinds[0]'],
      [{ rules: [{ match: '*a*/b', unsigned: true }] }, 'spec.rules[0].match'],
      [{ rules: [{ match, require: [{ keyless: { issuer: 'i' } }] }] }, 'spec.rules[0].require[0].keyless'],
      [{ trustedRoot: { tuf: { url: 'nowhere', root: '{}' } } }, 'spec.trustedRoot.tuf.url'],
      [{ trustedRoot: {} }, 'spec.trustedRoot'],
    ] as const) {
      const [first] = await refusals(spec);
      assert.equal(first?.split(': ')[0], field, first);
    }
  });
});
