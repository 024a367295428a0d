import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Utf8Text } from './utf8-text.ts';

describe('Utf8Text', () => {
  it('is what all pieces are together', () => {
    const long = 'a'.repeat(70_000);
    for (const pieces of [
      [],
      [''],
      ['a', 'ö', '🦊', '"'],
      [long, long, 'ü'],
      Array(30_000).fill('aé'),
      ['ö'.repeat(40_000)],
    ]) {
      const text = new Utf8Text();
      for (const piece of pieces) text.add(piece);
      assert.deepEqual(text.bytes(), new TextEncoder().encode(pieces.join('')));
    }
  });
});
