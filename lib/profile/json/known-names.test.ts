import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { foldName, KnownNames, underKnownNames } from './known-names.ts';
import { readJson } from './read-json.ts';

const limits = { bytes: 100_000, depth: 8, values: 2_000 };

/**
 * Go's bytes.EqualFold of an ASCII name and any other, as JavaScript's own case mapping tells it.
 */
function equalFold(name: string, other: string): boolean {
  return name.length === other.length && [...name].every((letter, at) => sameLetter(letter, other[at] ?? ''));
}

/**
 * Letters fold to each other where they have the same upper or lower case; of those beyond ASCII, ſ
 * and the Kelvin sign.
 */
function sameLetter(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase() || one.toUpperCase() === other.toUpperCase();
}

describe('foldName', () => {
  const letter = fc.constantFrom(
    ...'abksBKSxyz_09.',
    '\u017f',
    '\u212a',
    '\u0131',
    '\u0130',
    'ß',
    'é',
    'É',
    '\u03c3',
    '\ud800',
  );

  it('makes two names the same exactly where Go takes one for the other', () => {
    const ascii = fc.string({ unit: fc.constantFrom(...'abksBKSxyz_09.'), maxLength: 4 });
    const any = fc.string({ unit: letter, maxLength: 4 });
    fc.assert(
      fc.property(ascii, any, (name, other) => {
        assert.equal(foldName(name) === foldName(other), equalFold(name, other), JSON.stringify([name, other]));
      }),
      { numRuns: 20_000 },
    );
  });

  it('knows the two letters that fold to ASCII', () => {
    assert.equal(foldName('\u017fy\u017fcall\u017f'), 'syscalls');
    assert.equal(foldName('\u212aIND'), 'kind');
    assert.equal(foldName('İncludes'), 'İncludes');
  });
});

describe('KnownNames', () => {
  const known = new KnownNames(['names', 'errnoRet']);
  const object = (text: string) => {
    const { root } = readJson(new TextEncoder().encode(text), 'p', limits);
    assert.ok(root.type === 'object');
    return root;
  };
  const respelled: string[] = [];
  const read = (text: string) =>
    underKnownNames(object(text), known, {
      respelled: (name, meant, keyAt) => respelled.push(`${name} ${meant} ${keyAt}`),
      repeated: (name, meant, keyAt) => {
        throw new Error(`${name} ${meant} ${keyAt}`);
      },
    });

  it('tells what is known from what is meant', () => {
    assert.deepEqual(
      ['names', 'NAMES', 'name\u017f', 'name'].map((name) => known.has(name)),
      [true, false, false, false],
    );
    assert.deepEqual(
      ['names', 'NAMES', 'name\u017f', 'name'].map((name) => known.meantBy(name)),
      ['names', 'names', 'names', undefined],
    );
    assert.equal(known.cover(object('{"names":1}')), true);
    assert.equal(known.cover(object('{"names":1,"Names":1}')), false);
  });

  it('puts members under their names, and leaves others where they are', () => {
    const { members } = read('{"Names":1,"x":2,"errnoRet":3}');
    assert.deepEqual(
      Array.from(members, ([name, { value }]) => [name, value.type === 'number' && value.source]),
      [
        ['names', '1'],
        ['x', '2'],
        ['errnoRet', '3'],
      ],
    );
    assert.deepEqual(respelled, ['Names names 1']);
  });

  it('refuses a member that comes twice, whatever its case', () => {
    for (const text of ['{"names":1,"Names":2}', '{"Names":1,"names":2}', '{"NAMES":1,"name\u017f":2}']) {
      assert.throws(() => read(text), /names \d+$/);
    }
  });
});
