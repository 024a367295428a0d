import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { escapeJson, quote, shorten } from './quote.ts';

describe('quote', () => {
  for (const [text, quoted] of [
    ['plain', '"plain"'],
    ['', '""'],
    ['a "b" \\', '"a \\"b\\" \\\\"'],
    ['two\nlines', '"two\\nlines"'],
    ['\u001b[31m', '"\\u001b[31m"'],
    ['\u007f\u009b', '"\\u{7f}\\u{9b}"'],
    ['a\u202eb\u200bc', '"a\\u{202e}b\\u{200b}c"'],
    ['a\u2028b', '"a\\u{2028}b"'],
    ['ä😀', '"ä😀"'],
  ] as const) {
    it(`writes ${quoted}`, () => assert.equal(quote(text), quoted));
  }

  it('writes at most the first characters, and nothing that is not shown', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 50 }), (text, most) => {
        const quoted = quote(text, most);
        assert.doesNotMatch(quoted, /[\p{C}\p{Zl}\p{Zp}]/u);
        assert.ok(quoted.length <= 10 * (most + 1) + 2);
        assert.equal(quoted.endsWith('…"'), text.length > most || text.endsWith('…'));
      }),
    );
  });
});

describe('escapeJson', () => {
  it('writes nothing that is not shown, and changes no value', () => {
    assert.equal(escapeJson('{"a":"ä😀\u202e\u009b\u{e0041}"}\n'), '{"a":"ä😀\\u202e\\u009b\\udb40\\udc41"}\n');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeJson(JSON.stringify({ [text]: [text] }));
        assert.deepEqual(JSON.parse(escaped), { [text]: [text] });
        assert.doesNotMatch(escaped, /[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

describe('shorten', () => {
  it('cuts no character in two', () => {
    assert.equal(shorten('a😀b', 2), 'a…');
    assert.equal(shorten('a😀b', 3), 'a😀…');
    assert.equal(shorten('abc', 3), 'abc');
  });
});
