import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jsonMembers } from './json-members.ts';

function membersIn(text: string): Record<string, string> | undefined {
  const json = new TextEncoder().encode(text);
  const members = jsonMembers(json, { start: 0, end: json.length });
  if (members === undefined) return undefined;
  const texts = Array.from(members, ([name, { start, end }]) => [
    name,
    new TextDecoder().decode(json.subarray(start, end)),
  ]);
  return Object.fromEntries(texts) as Record<string, string>;
}

describe('jsonMembers', () => {
  it('finds the text of each member', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const members = membersIn(JSON.stringify(value, undefined, indent));
        const parsed = Object.entries(members ?? {}).map(([name, text]) => [name, JSON.parse(text) as unknown]);
        assert.deepEqual(Object.fromEntries(parsed), JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('finds names with escapes, and the last of two', () => {
    assert.deepEqual(membersIn('{"\\u0061": 1 , "b\\"": "}", "a" : [ {"a": "]"} ] }'), {
      a: '[ {"a": "]"} ]',
      'b"': '"}"',
    });
  });

  it('finds nothing in what is not an object, and ends with any text', () => {
    for (const text of [
      '',
      '[]',
      '5',
      '{',
      '{"a"',
      '{"a":',
      '{"a":1',
      '{"a" 1}',
      '{a:1}',
      '{"\\x":1}',

      '{"',
    ]) {
      assert.equal(membersIn(text), undefined, text);
    }
    fc.assert(
      fc.property(fc.stringMatching(/^[{}[\],:"\\a1 ]{0,40}$/), (text) => {
        membersIn(text);
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes a fraction of the time of parsing', () => {
    const json = new TextEncoder().encode(`{"object":${JSON.stringify(Array.from({ length: 300_000 }, () => []))}}`);
    const begin = performance.now();
    for (let round = 0; round < 5; round += 1) assert.equal(jsonMembers(json, { start: 0, end: json.length })?.size, 1);
    assert.ok(performance.now() - begin < 1_000);
  });
});
