import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isNotModified } from './not-modified.ts';

for (const [header, expected] of [
  [undefined, false],
  ['', false],
  ['*', true],
  [' * ', true],
  ['"a"', true],
  ['W/"a"', true],
  ['"b"', false],
  ['"b", "a"', true],
  ['"b,\t\\", W/"a"', true],
  ['a', false],
  ['"a', false],
  ['"*"', false],
] as const) {
  it(`a caller with If-None-Match: ${header} ${expected ? 'has' : 'may not have'} what "a" stands for`, () => {
    assert.equal(isNotModified(header, '"a"'), expected);
  });
}
