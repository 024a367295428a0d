import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ObjectStore } from './object-store.ts';

interface Thing {
  readonly name: string;
  readonly tags: readonly string[];
}

describe('ObjectStore', () => {
  it('finds by index what a search of all objects finds, after any changes', () => {
    const tag = fc.constantFrom('x', 'y', '__proto__');
    const thing = fc.record({ name: fc.constantFrom('a', 'b', 'c'), tags: fc.array(tag, { maxLength: 3 }) });
    const step = fc.oneof(thing, fc.constantFrom('a', 'b', 'c'));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const store = new ObjectStore<Thing, 'tag'>({ tag: ({ tags }) => tags });
        const model = new Map<string, Thing>();
        for (const each of steps) {
          if (typeof each === 'string') {
            store.delete(each);
            model.delete(each);
          } else {
            store.set(each.name, '1', each);
            model.set(each.name, each);
          }
          for (const value of ['x', 'y', '__proto__', 'z']) {
            const wanted = [...model.values()].filter(({ tags }) => tags.includes(value));
            const order = (a: Thing, b: Thing) => a.name.localeCompare(b.name);
            assert.deepEqual([...store.byIndex('tag', value)].sort(order), wanted.sort(order));
          }
          assert.equal(store.size, model.size);
        }
      }),
    );
  });

  it('holds nothing of an object that cannot be indexed', () => {
    const store = new ObjectStore<Thing, 'tag' | 'first'>({
      tag: ({ tags }) => tags,
      first: ({ tags: [first] }) => {
        if (first === undefined) throw new Error('no tags');
        return [first];
      },
    });
    store.set('a', '1', { name: 'a', tags: ['x'] });
    assert.throws(() => store.set('a', '2', { name: 'a', tags: [] }), /no tags/);
    assert.throws(() => store.set('b', '1', { name: 'b', tags: [] }), /no tags/);
    assert.equal(store.version('a'), '1');
    assert.deepEqual([...store.values()], [{ name: 'a', tags: ['x'] }]);
    assert.deepEqual(store.byIndex('first', 'x'), [{ name: 'a', tags: ['x'] }]);
  });
});
