import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sentence, withNextStep } from './sentence.ts';

describe('sentence', () => {
  it('ends with one full stop, or with another mark', () => {
    for (const [text, whole] of [
      ['it is invalid', 'it is invalid.'],
      ['64 hex digits.', '64 hex digits.'],
      ['did you mean a?', 'did you mean a?'],
      ['cut…', 'cut…'],
      ['(line 4)', '(line 4).'],
    ] as const)
      assert.equal(sentence(text), whole);
    assert.equal(withNextStep('A digest has 64 hex digits.', 'Correct it.'), 'A digest has 64 hex digits. Correct it.');
  });
});
