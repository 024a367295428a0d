import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
  it('reports each once, and at most a hundred', () => {
    const told: string[] = [];
    const tell = createWarningReporter((text) => told.push(text));
    tell(undefined);
    for (let round = 0; round < 2; round++) for (let n = 0; n < 200; n++) tell(`299 - "warning ${n}"`);
    assert.equal(told.length, 100);
    assert.equal(new Set(told).size, 100);
  });
});
