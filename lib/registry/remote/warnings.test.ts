import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sentSecrets } from './sent-secrets.ts';
import { createWarningReporter, parseWarnings } from './warnings.ts';

describe('parseWarnings', () => {
  const cases: [string, string[]][] = [
    ['299 - "This tag is deprecated."', ['This tag is deprecated.']],
    ['299 - "one, \\"two\\"", 299 - "three"', ['one, "two"', 'three']],
    ['299 - "one",199 - "not this",299 - "two"', ['one', 'two']],
    ['110 anderson/1.3.37 "Response is stale"', []],
    ['299 - unquoted', []],
    ['299 - "without end', []],
    ['', []],
    [`299 - "${'x'.repeat(4096)}"`, []],
  ];
  for (const [header, texts] of cases) {
    it(`reads ${JSON.stringify(header.slice(0, 60))}`, () => assert.deepEqual(parseWarnings(header), texts));
  }
});

describe('createWarningReporter', () => {
  it('leaves out what was sent as a secret, in every encoding', () => {
    const told: string[] = [];
    const pair = 'bob:a-long~password?';
    const secrets = sentSecrets(`Basic ${Buffer.from(pair).toString('base64')}`);
    const spellings = ['a-long~password?', pair].flatMap((text) => [
      text,
      Buffer.from(text).toString('base64'),
      Buffer.from(text).toString('base64url'),
    ]);
    createWarningReporter((text) => told.push(text))(`299 - "seen ${spellings.join(' ')}"`, secrets);
    assert.equal(told.length, 1);
    for (const spelling of spellings) assert.ok(!told[0]?.includes(spelling.replace(/=+$/, '')), told[0]);
  });

  it('reports each once, and at most a hundred', () => {
    const told: string[] = [];
    const tell = createWarningReporter((text) => told.push(text));
    tell(undefined, []);
    for (let round = 0; round < 2; round++) for (let n = 0; n < 200; n++) tell(`299 - "warning ${n}"`, []);
    assert.equal(told.length, 100);
    assert.equal(new Set(told).size, 100);
  });
});
