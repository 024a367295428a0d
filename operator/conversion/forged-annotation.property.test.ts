import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { arbitraryOf } from '#test/support/arbitrary-of-schema';
import { resources } from '../api/resources.ts';
import type { Json, JsonObject } from '../api/shared/json.ts';
import { carriedAnnotation } from './carried.ts';
import { convert } from './convert.ts';
import { at, isEqual, withValue } from './json.ts';
import { down, up } from './map.ts';
import { differingFields } from './table-paths.ts';
import { group, tables } from './tables.ts';

/** Names of fields that are not those of a rule. */
const foreign = ['__proto__', 'metadata', 'metadata.name', 'metadata.annotations', 'kind', 'spec.__proto__.x', '', '.'];

/**
 * Objects with an annotation that a client can write, from any text to one that is nearly right:
 * known fields, and the values that mapping gives.
 */
function arbitraryForgery(resource: (typeof resources)[number], from: 'stored' | 'older'): fc.Arbitrary<JsonObject> {
  const { kind, stored, older } = resource;
  const table = tables.get(kind);
  assert.ok(table !== undefined);
  const [source, target] = from === 'stored' ? [stored, older] : [older, stored];
  const map = from === 'stored' ? down : up;
  const fields = differingFields(table);
  const added = fields.filter(({ isNew }) => isNew).map(({ name }) => name);
  const named = fields.map(({ name }) => name);
  return fc
    .tuple(arbitraryOf(source.schema), arbitraryOf(target.schema), arbitraryOf(target.schema))
    .chain(([body, other, another]) => {
      const object: JsonObject = {
        apiVersion: `${group}/${source.name}`,
        kind,
        metadata: { name: 'nginx', namespace: 'web' },
        ...(body as JsonObject),
      };
      const mapped = map(table, object);
      const anyName = fc.oneof(fc.constantFrom(...named), fc.constantFrom(...(added.length > 0 ? added : foreign)));
      const entry = fc.oneof({ weight: 4, arbitrary: anyName }, fc.constantFrom(...foreign)).chain((name) => {
        const path = name.split('.');
        const values = [mapped, other as JsonObject, another as JsonObject].map((each) => at(each, path));
        const value = fc.oneof(fc.constantFrom(...values), fc.jsonValue() as fc.Arbitrary<Json>);
        return fc.tuple(fc.constant(name), fc.record({ value, mapped: fc.constantFrom(...values) }));
      });
      const version = fc.constantFrom('v1', resource.older.name, 'v9');
      const nearlyRight = fc
        .tuple(version, fc.array(entry, { maxLength: 5 }))
        .map(([name, entries]) => JSON.stringify({ version: name, fields: Object.fromEntries(entries) }));
      const any = fc.oneof(
        fc.string(),
        fc.json(),
        fc.constantFrom('', 'null', '[]', '{"version":"v1","fields":{"__proto__":null}}', '[['.repeat(1000)),
      );
      return fc
        .oneof({ weight: 8, arbitrary: nearlyRight }, any)
        .map((text) => withValue(object, ['metadata', 'annotations', carriedAnnotation], text) ?? object);
    });
}

describe('an annotation that a client has written', () => {
  for (const resource of resources) {
    const { kind, stored, older } = resource;
    const table = tables.get(kind);
    assert.ok(table !== undefined);

    it(`${kind}: never fails a conversion from v1, or changes what the object means`, () => {
      fc.assert(
        fc.property(arbitraryForgery(resource, 'stored'), (object) => {
          const result = convert(object, `${group}/${older.name}`);
          assert.equal(at(result, ['metadata', 'name']), 'nginx');
          assert.equal(Object.getPrototypeOf(result), Object.prototype);
          const meaning = up(table, down(table, object));
          const { metadata: _, apiVersion: __, ...means } = up(table, result);
          assert.deepEqual({ ...meaning, ...means }, meaning);
        }),
        { numRuns: 400 },
      );
    });

    it(`${kind}: is refused on the way to v1, or makes a valid object that means the same`, () => {
      const hasNew = table.rules.some(({ rule }) => rule === 'new');
      let restored = 0;
      let refused = 0;
      fc.assert(
        fc.property(arbitraryForgery(resource, 'older'), (object) => {
          const plain = up(table, object);
          let result: JsonObject;
          try {
            result = convert(object, `${group}/v1`);
          } catch (error) {
            assert.ok(error instanceof FairleadError && error.kind === 'InvalidInput', String(error));
            assert.match(error.message, /^\w+ web\/nginx: metadata\.annotations\[/);
            refused++;
            return;
          }
          assert.deepEqual(result['metadata'], {
            ...(result['metadata'] as JsonObject),
            name: 'nginx',
            namespace: 'web',
          });
          assert.deepEqual(result['status'], plain['status']);
          assert.deepEqual(
            Object.keys(result).toSorted(),
            Object.keys({ ...plain, spec: result['spec'] })
              .filter((key) => key in result)
              .toSorted(),
          );
          if (v.is(stored.schema, plain)) assert.deepEqual(v.safeParse(stored.schema, result).issues, undefined);
          assert.deepEqual(down(table, result)['spec'], down(table, plain)['spec']);
          if (!isEqual(result['spec'], plain['spec'])) restored++;
        }),
        { numRuns: hasNew ? 1500 : 400 },
      );
      assert.ok(refused > 10, `hardly refused: ${refused}`);
      if (hasNew) assert.ok(restored > 0, 'nothing was restored');
    });
  }
});
