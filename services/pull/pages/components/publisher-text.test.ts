import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { reason } from './publisher.ts';
import { publisherText } from './publisher-text.ts';

const marks = fc.constantFrom('\u0301', '\u0336', '\u200D', '\u200C', '\uFE0F');
const controls = fc.constantFrom(
  '\u202E',
  '\u2066',
  '\u200F',
  '\u061C',
  '\0',
  '\u001B',
  '\u0085',
  '\u2028',
  '\uFEFF',
  '\uD800',
);
const anyText = fc
  .array(fc.oneof(fc.string({ unit: 'binary' }), marks, controls, fc.constantFrom('a', ' ', '\n', 'ש', '<script>')), {
    maxLength: 400,
  })
  .map((parts) => parts.join(''));

describe('publisherText', () => {
  it('shows no control and no direction characters, few marks, and at most 170 characters of any text', () => {
    fc.assert(
      fc.property(anyText, (given) => {
        const { text, replaced } = publisherText(given);
        assert.doesNotMatch(text, /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
        assert.doesNotMatch(text, /[\p{M}\u200C\u200D]{3}/u);
        assert.ok(Array.from(text).length <= 171);
        // What was shown once is shown so again.
        if (!text.endsWith('…')) assert.deepEqual(publisherText(text), { text, replaced: false });
        if (!replaced && !given.includes('\uFFFD')) assert.doesNotMatch(text, /\uFFFD/);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves texts of all languages as they are', () => {
    for (const text of ['ملف تعريف أمان لخادم nginx', 'می‌خواهم', 'क्षेत्र', 'Ångström', '👩‍👩‍👧 ❤️', '&lt;b&gt;']) {
      assert.deepEqual(publisherText(text), { text, replaced: false });
    }
  });

  it('reports what it replaced, and cuts what is long', () => {
    assert.deepEqual(publisherText('a\u202Etxt.exe'), { text: 'a\uFFFDtxt.exe', replaced: true });
    assert.deepEqual(publisherText(' two\r\nlines '), { text: 'two lines', replaced: false });
    assert.equal(publisherText('x'.repeat(10_000)).text, `${'x'.repeat(170)}…`);
    assert.equal(publisherText(`Z${'\u0301'.repeat(500)}algo`).text, 'Z\u0301\u0301algo');
    assert.equal(publisherText(`${'\u0301'.repeat(9_000)}`).text, '\u0301\u0301…');
  });
});

it('a reason is a sentence, with references as they are', () => {
  assert.equal(String(reason('no rule matches')), '<bdi>No rule matches</bdi>.');
  assert.equal(String(reason('ghcr.io/acme/nginx: no tag 1.')), '<bdi>ghcr.io/acme/nginx: no tag 1.</bdi>');
});
