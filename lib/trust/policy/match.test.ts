import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { matchesSegment } from './match.ts';

it('a segment matches as by the regular expression with any part for each *', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), maxLength: 10 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 12 });
  fc.assert(
    fc.property(pattern, text, (glob, part) => {
      assert.equal(matchesSegment(glob, part), new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(part));
    }),
    { numRuns: 2000 },
  );
});
