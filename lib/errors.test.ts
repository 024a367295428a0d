import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError, shownMessage } from './errors.ts';

describe('a message that quotes what strangers wrote', () => {
  it('is shown on the lines that are ours, without what could play with a terminal', () => {
    const strange = 'a\u001b[2J\u009b1m\r\nError: b\u202e\u2028c\u{e0041}\u0000\ud800';
    const error = new FairleadError('SignatureInvalid', `it is ${strange}`, { details: [`so is ${strange}`] });
    const shown = shownMessage(error);
    const escaped = 'a\\u{1b}[2J\\u{9b}1m\\u{d}\\u{a}Error: b\\u{202e}\\u{2028}c\\u{e0041}\\u{0}\\u{d800}';
    assert.equal(shown, `it is ${escaped}\n  so is ${escaped}`);
  });

  it('is shown as it is where there is nothing of that in it', () => {
    const message = 'kein Profil für „nginx“ – 見つかりません: "a\\b" 🙂';
    assert.equal(shownMessage(new FairleadError('NotFound', message)), message);
  });
});
