import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unclearPhrases, wideComments } from './style-rules.ts';

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

describe('unclearPhrases', () => {
  for (const text of [
    '// 30 seconds unless told.',
    "'the request makes no sense'",
    'Its certificate is over.',
    '/** Throws for a name that is none. */',
    'Undefined if there is none.',
    'They migrate so many objects.',
    'Refuses what is no profile.',
    'This is no file.',
    '/** At most so many bytes. */',
    'What is there already is not sent.',
    'The next write mends it.',
    'The key of who signs it.',
    'Returns what became of each.',
    'Equal, but for its name.',
    'The text is no markup.',
    '// Whoever waits is told.',
    'The policy of somebody else.',
    '/** Anybody may write it. */',
    'Nobody reads it.',
    "it('lets nobody else in', () => {",
    'It is signed by no one.',
    'One list, however many there are.',
    'There are so many that it takes long.',
    'An unknown value counts as `enforce`.',
    'They do not count as covered.',
  ])
    it(`reports ${JSON.stringify(text)}`, () => {
      const [first, ...others] = unclearPhrases(`x\n${text}`);
      assert.equal(first?.line, 2);
      assert.match(first?.message ?? '', /is unclear: write "/);
      assert.ok(others.length <= 1, 'no more than the same words twice');
    });

  it('reports a phrase that goes on in the next line of a comment', () => {
    assert.deepEqual(unclearPhrases('/**\n * The default unless\n * told.\n */\n'), [
      { line: 2, message: '"unless told" is unclear: write "by default"' },
    ]);
    assert.equal(unclearPhrases('// What is\n  // none\n').length, 1);
    assert.equal(unclearPhrases('/*\n * served by no\n * one\n */').length, 1);
    assert.equal(unclearPhrases('# What is\n# none\n').length, 1);
  });

  it('accepts plain English with the same words', () => {
    for (const text of [
      'There are none of these.',
      'It is none of these.',
      'There is no file.',
      'The size is over the limit.',
      'recommended, amended, tremendous',
      'It reports who signs.',
      'The name became too long.',
      'It is a check, but for machines.',
      'It runs as the user `nobody`.',
      'nobody:x:65534:65534:nobody:/:/bin/sh',
      'Anyone with write access to the repository can add one.',
      'It counts the pods, as the operator does.',
      'The others count as well.',
      'A path counts as soon as it is new.',
    ])
      assert.deepEqual(unclearPhrases(text), [], text);
  });
});
