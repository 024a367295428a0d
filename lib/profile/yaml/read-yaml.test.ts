import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { plainJson } from '#test/support/plain-json';
import { readYaml, readYamlDocuments } from './read-yaml.ts';

const limits = { bytes: 1_000_000, depth: 8, values: 1_000 };

function read(text: string | Uint8Array) {
  return readYaml(typeof text === 'string' ? new TextEncoder().encode(text) : text, 'p.yaml', limits);
}

describe('readYaml', () => {
  it('reads YAML and JSON', () => {
    const value = { a: ['b', 1, true, null], c: { d: '1', e: 'x\ny\n' } };
    assert.deepEqual(plainJson(read('# note\na: [b, 1, true, ~]\nc:\n  d: "1"\n  e: |\n    x\n    y\n').root), value);
    assert.deepEqual(plainJson(read(JSON.stringify(value)).root), value);
  });

  it('reads the words of YAML 1.1 for true and false, as kubectl does', () => {
    const text = 'a: [no, N, Off, yes, y, ON, true, False]\nb: [nO, \'no\', "on", oFF, yess, tRue]\n';
    assert.deepEqual(plainJson(read(text).root), {
      a: [false, false, false, true, true, true, true, false],
      b: ['nO', 'no', 'on', 'oFF', 'yess', 'tRue'],
    });
  });

  it('reads integers as kubectl does', () => {
    for (const [text, value] of [
      ['0x7e020000', '2114060288'],
      ['0XfF', '255'],
      ['-0x10', '-16'],
      ['0xFFFFFFFFFFFFFFFF', '18446744073709551615'],
      ['0x1ffffffffffffffff', '36893488147419103231'],
      ['0o17', '15'],
      ['017', '15'],
      ['-0777', '-511'],
      ['00', '0'],
      ['08', '8'],
      ['0b101', '5'],
      ['1_000', '1000'],
      ['0x7e_02', '32258'],
      ['+5', '5'],
      ['0_', '0'],
      ['-_1', '-1'],
      ['1_0.5', '10.5'],
      ['1e1_0', '1e10'],
      ['.1_0', '.10'],
      ['18446744073709551615', '18446744073709551615'],
      ['0', '0'],
    ] as const) {
      const { root } = read(`a: ${text}\nb: [${text}]\nc: "${text}"\n`);
      assert.deepEqual(plainJson(root), { a: Number(value), b: [Number(value)], c: text }, text);
      const member = root.type === 'object' ? root.members.get('a')?.value : undefined;
      assert.equal(member?.type === 'number' && member.source, value);
    }
    for (const text of ['0x', '0xg', '0b2', '_1', '1x', "'0x1'", '0o8', '._1', '.5_', '-_'])
      assert.equal(typeof (plainJson(read(`a: ${text}\n`).root) as { a: unknown }).a, 'string', text);
  });

  it('passes over documents with nothing in them, and knows where the others stand', () => {
    const one = { a: 1 };
    for (const text of [
      'a: 1\n---\n',
      '---\na: 1\n---\n---\n',
      '# first\n---\na: 1\n',
      '---\n# nothing\n---\na: 1\n...\n',
      'null\n---\na: 1\n---\n~\n',
      '%YAML 1.2\n---\na: 1\n',
    ])
      assert.deepEqual(plainJson(read(text).root), one, text);
    const several = readYamlDocuments(Buffer.from('a: 1\n---\n---\nb: 2\n--- # third\n- c\n'), 'p.yaml', limits);
    assert.deepEqual(
      several.map(({ root }) => plainJson(root)),
      [one, { b: 2 }, ['c']],
    );
    assert.deepEqual(
      several.map(({ root }) => root.at),
      [0, 13, 30],
    );
    for (const text of ['---\n---\n', '~', '# a\n---\n# b\n']) assert.throws(() => read(text), /the document is empty/);
    assert.throws(() => read('a: 1\n---\nb: [\n'), /^FairleadError: p\.yaml:4:1: not valid YAML/);
  });

  it('counts the values of all documents, and says how to do without anchors', () => {
    const many = `[${'1,'.repeat(600)}1]\n`;
    assert.throws(() => readYamlDocuments(Buffer.from(`${many}---\n${many}`), 'p.yaml', limits), {
      kind: 'LimitExceeded',
    });
    for (const text of ['a: &x 1\nb: *x\n', 'a: &x {b: 1}\nc:\n  <<: *x\n', '&x null\n'])
      assert.throws(() => read(text), { kind: 'ProfileInvalid', hint: /yq 'explode/ });
  });

  it('knows where everything stands', () => {
    const { root, text } = read('a: 1\nbc:\n  - d\n');
    assert.equal(root.type, 'object');
    const member = root.type === 'object' ? root.members.get('bc') : undefined;
    assert.equal(member?.keyAt, 5);
    assert.equal(member?.value.type === 'array' && [...member.value.items][0]?.at, text.indexOf('d'));
  });

  const refused: Record<string, [text: string | Uint8Array, message: RegExp, kind?: string]> = {
    'half of a character': ['a: "x\\ud800"', /^p\.yaml:1:4: not valid YAML: an unpaired surrogate/],
    'half of a character in a key': ['{"\\udc00": 1}', /an unpaired surrogate/],
    nothing: ['', /the document is empty/],
    'a comment alone': ['# a\n', /the document is empty/],
    'two documents': ['a: 1\n---\nb: 2\n', /more than one document/],
    'a key twice': ['a: 1\na: 2\n', /^p\.yaml:2:1: not valid YAML: the key "a" twice/],
    'an alias': ['a: &x 1\nb: *x\n', /anchors and aliases/],
    'a bomb of aliases': ['a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n', /anchors and aliases/],
    'an anchored key': ['&x a: 1\n', /anchor/],
    'a tag': ['a: !!binary aGk=\n', /tag/i],
    'an unknown tag': ['a: !js/function x\n', /tag/i],
    'a key that is a list': ['[a]: 1\n', /a key must be text/],
    'a key that is a number': ['1: 1\n', /a key must be text/],
    'a key that kubectl reads as true': [
      'yes: 1\n',
      /^p\.yaml:1:1: not valid YAML: a key must be text, and "yes" is not/,
    ],
    'a key that kubectl reads as a number': ['0_1: 1\n', /a key must be text/],
    'a merge key': ['a:\n  <<: {b: 1}\n', /^p\.yaml:2:3: not valid YAML: merge keys are not accepted/],
    'a number that JSON does not have': ['a: .inf\n', /\.inf is not a number in JSON/],
    'no number': ['a: .NaN\n', /\.NaN is not a number in JSON/],
    'a line that ends for some in a comment': ['a: 1 # x\rb: 2\n', /^p\.yaml:1:9: not valid YAML: U\+000D ends a line/],
    'the next line of EBCDIC': ['a: 1 # x\u0085b: 2\n', /U\+0085 ends a line/],
    'a line separator': ['a: 1 # x\u2028b: 2\n', /U\+2028 ends a line/],
    'a paragraph separator': ['a: |\n  x\u2029  y\n', /U\+2029 ends a line/],
    'a control character': ['a: "\u0007"\n', /^p\.yaml:1:5: not valid YAML: U\+0007 is a control character/],
    'a noncharacter': ['# \uffff\na: 1\n', /U\+FFFF is a control/],
    'a broken document': ['a: [b\n', /^p\.yaml:\d+:\d+: not valid YAML/],
    'no UTF-8': [Uint8Array.of(0x61, 0x3a, 0xff), /not valid UTF-8/],
    'many values': [`[${'1,'.repeat(1_000)}1]`, /more than 1000 values/, 'LimitExceeded'],
    'deep values': ['[[[[[[[[[]]]]]]]]]', /^p\.yaml:1:9: nested deeper than 8/, 'LimitExceeded'],
    'too many bytes': [`a: ${'x'.repeat(1_000_000)}`, /more than the limit of 1000000/, 'LimitExceeded'],
    'many words': [`[${'a,'.repeat(60_000)}a]`, /more than 150000 words and signs/, 'LimitExceeded'],
    'a hundred thousand brackets': ['['.repeat(99_000), /^p\.yaml:1:9: nested deeper than 8 levels$/, 'LimitExceeded'],
    'a hundred thousand dashes': ['- '.repeat(49_000), /^p\.yaml:1:17: nested deeper than 8 levels$/, 'LimitExceeded'],
  };
  for (const [title, [text, message, kind = 'ProfileInvalid']] of Object.entries(refused)) {
    it(`refuses ${title}`, () => {
      assert.throws(
        () => read(text),
        (error) => {
          assert.ok(error instanceof FairleadError, String(error));
          assert.match(error.message, message);
          assert.equal(error.kind, kind);
          return true;
        },
      );
    });
  }
});
