import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wideComments } from './style-rules.ts';

describe('wideComments', () => {
  const words = (columns: number) =>
    'word '
      .repeat(columns)
      .slice(0, columns - 1)
      .concat('d');

  for (const start of ['// ', ' * ', '  // ', '# ', '/** '])
    it(`reports a line that begins with ${JSON.stringify(start)} and has 101 columns, not one of 100`, () => {
      assert.deepEqual(wideComments(`x\n${start}${words(100 - start.length)}\n`), []);
      assert.deepEqual(wideComments(`x\n${start}${words(101 - start.length)}\n`), [
        { line: 2, message: 'a comment of 101 columns: wrap it at 100' },
      ]);
    });

  it('counts characters, not UTF-16 units', () => {
    assert.deepEqual(wideComments(`// ${words(90)} ${'𝔘'.repeat(6)}`), []);
  });

  it('accepts wide code, a wide command in a comment, and a word that is too long for any line', () => {
    assert.deepEqual(wideComments(`#   ${words(120)}`), []);
    assert.deepEqual(wideComments(`  #state = '${words(120)}';`), []);
    assert.deepEqual(wideComments(`const text = '${words(120)}'; // a comment behind code`), []);
    assert.deepEqual(wideComments(`// https://example.com/${'a'.repeat(100)}`), []);
  });
});
