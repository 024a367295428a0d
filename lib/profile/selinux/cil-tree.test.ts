import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { type CilNode, cilTree } from './cil-tree.ts';

const limits = { length: 500_000, depth: 8, nodes: 200_000 };

function shape(node: CilNode): unknown {
  if (node.type === 'list') return node.items.map(shape);
  return node.type === 'string' ? { string: node.text } : node.text;
}

function read(text: string): unknown[] {
  return cilTree(text, 'x.cil', limits).map(shape);
}

function refusal(text: string): FairleadError {
  try {
    cilTree(text, 'x.cil', limits);
  } catch (error) {
    assert.ok(error instanceof FairleadError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(text.slice(0, 80))}` });
}

describe('cilTree', () => {
  it('reads lists, symbols and strings', () => {
    assert.deepEqual(read('(allow process self (file (read write)))\n\t(filecon "/a b;)" any ())'), [
      ['allow', 'process', 'self', ['file', ['read', 'write']]],
      ['filecon', { string: '/a b;)' }, 'any', []],
    ]);
  });

  it('leaves comments out, whatever they hold', () => {
    assert.deepEqual(read('; ) ( " (in x\r\n(type a);)))\n;\u00fcber alles\n;'), [['type', 'a']]);
    assert.deepEqual(read('(type ; a)\n b)'), [['type', 'b']]);
  });

  it('has no comments within strings', () => {
    assert.deepEqual(read('(a "; not a comment")'), [['a', { string: '; not a comment' }]]);
  });

  it('knows where everything stands', () => {
    const [list] = cilTree('\n  (type\n     name)', 'x.cil', limits);
    assert.deepEqual([list?.at, list?.items.map(({ at }) => at)], [3, [4, 14]]);
  });

  it('reads nothing', () => {
    assert.deepEqual(read(''), []);
    assert.deepEqual(read(' \n ; nothing'), []);
  });

  const refused: Record<string, [text: string, message: RegExp]> = {
    'a missing parenthesis': ['(a\n (b)', /^x\.cil:1:1: this "\(" has no "\)"/],
    'the inner of two missing ones': ['(a\n (b', /^x\.cil:2:2: this "\("/],
    'one too many': ['(a)\n)(b)', /^x\.cil:2:1: a "\)" without its "\("/],
    'a word outside': ['(a) b', /^x\.cil:1:5: only comments are allowed outside of parentheses/],
    'a string outside': ['"a"', /^x\.cil:1:1: only comments are allowed outside of parentheses/],
    'a comment that hides the end': ['(a ;)', /has no "\)"/],
    'an open string': ['(a "b)', /^x\.cil:1:4: unterminated string/],
    'a string over lines': ['(a "b\n(c)\n")', /^x\.cil:1:4: unterminated string/],
    'a quote in a word': ['(a b"c)', /^x\.cil:1:5: unterminated string/],
    'a NUL': ['(a \0)', /^x\.cil:1:4: the character U\+0000/],
    'a NUL in a comment': ['(a) ; \0', /U\+0000/],
    'an escape character': ['(a)\n; \u001b[2K', /^x\.cil:2:3: the character U\+001B/],
    'a lone carriage return, which ends a comment': ['; harmless \r(in x)', /carriage return .* without a line feed/],
    'a right-to-left override': ['(a) ; \u202e(b)', /U\+202E/],
    'a zero-width space': ['(a\u200bb)', /U\+200B/],
    'a byte order mark': ['\ufeff(a)', /U\+FEFF/],
    'a line separator': ['; a\u2028(b)', /U\+2028/],
    'half a surrogate pair': ['; \ud800', /U\+D800/],
    'another alphabet': ['(аllow)', /^x\.cil:1:2: the character "а" \(U\+0430\) is allowed only in a comment/],
    'a full-width parenthesis': ['（a）', /is allowed only in a comment/],
    'an emoji': ['(a 🙂)', /"🙂" \(U\+1F642\)/],
    'a backslash': ['(a \\)', /U\+005C/],
    'a mark of generated code': ['(a)\n;;* lmx 1 x.pp\n(b)\n;;* lme', /^x\.cil:2:1: line marks/],
  };
  for (const [title, [text, message]] of Object.entries(refused)) {
    it(`refuses ${title}`, () => {
      const error = refusal(text);
      assert.equal(error.kind, 'ProfileInvalid');
      assert.match(error.message, message);
    });
  }

  const tooMuch: Record<string, [text: string, message: RegExp]> = {
    'too much text': [`;${'x'.repeat(500_000)}`, /500001 characters are more than the limit of 500000/],
    'a deep nest': ['('.repeat(100_000), /^x\.cil:1:9: nested deeper than 8 levels/],
    'a deep nest that is closed': ['('.repeat(100_000) + ')'.repeat(100_000), /nested deeper/],
    'many lists': ['()'.repeat(250_000), /^x\.cil:1:400001: more than 200000 words and lists/],
    'many words': [`(${'a '.repeat(200_000)})`, /more than 200000 words/],
  };
  for (const [title, [text, message]] of Object.entries(tooMuch)) {
    it(`refuses ${title}`, () => {
      const error = refusal(text);
      assert.equal(error.kind, 'LimitExceeded');
      assert.match(error.message, message);
    });
  }
});
