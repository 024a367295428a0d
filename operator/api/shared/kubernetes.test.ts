import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { int32, int64, listByKey, mapOf, setOf } from './kubernetes.ts';

const messages = (schema: v.GenericSchema, value: unknown) =>
  v.safeParse(schema, value).issues?.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`);

describe('the pieces of the schemas', () => {
  it('mapOf keeps every key, and names the one at fault', () => {
    const schema = v.object({ allow: mapOf(mapOf(v.array(v.string()))) });
    const value = JSON.parse('{"allow":{"constructor":{"prototype":["read"],"__proto__":[]}}}');
    assert.deepEqual(v.parse(schema, value), value);
    assert.deepEqual(messages(schema, { allow: { constructor: { file: ['read', 1] } } }), [
      'allow.constructor.file.1: Invalid type: Expected string but received 1',
    ]);
    for (const wrong of [[], null, 'x'])
      assert.deepEqual(messages(schema, { allow: wrong }), ['allow: must be an object']);
  });

  it('setOf and listByKey refuse duplicates', () => {
    assert.equal(messages(setOf(v.string()), ['a', 'b']), undefined);
    assert.deepEqual(messages(setOf(v.string()), ['a', 'b', 'a']), [': must not have duplicates']);
    const named = listByKey('name', v.object({ name: v.string() }));
    assert.equal(messages(named, [{ name: 'a' }, { name: 'b' }]), undefined);
    assert.deepEqual(messages(named, [{ name: 'a' }, { name: 'a' }]), [': must not have two items of the same name']);
  });

  it('int32 and int64 have the limits of Kubernetes', () => {
    for (const [value, valid] of [
      [0, true],
      [2 ** 31 - 1, true],
      [2 ** 31, false],
      [-1, false],
      [0.5, false],
    ] as const) {
      assert.equal(v.is(int32(0), value), valid, String(value));
    }
    const large = [2n ** 53n, 2n ** 63n - 1n];
    for (const value of [0, 2 ** 53 - 1, ...large]) assert.equal(v.parse(int64(), value), value);
    for (const value of [-1, 0.5, 2 ** 53, 2n ** 63n, -1n, '1'])
      assert.equal(v.is(int64(), value), false, String(value));
  });
});
