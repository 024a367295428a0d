import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { arbitraryOf } from '#test/support/arbitrary-of-schema';
import { resources } from '../api/resources.ts';
import type { Json, JsonObject } from '../api/shared/json.ts';
import type { ConvertedResource } from '../api/shared/resource-definition.ts';
import { carriedAnnotation } from './carried.ts';
import { convert } from './convert.ts';
import { at, isEqual, isObject, withValue } from './json.ts';
import { down } from './map.ts';
import type { ConversionTable } from './table.ts';
import { differingFields } from './table-paths.ts';
import { group, tables } from './tables.ts';

const numRuns = 300;

const arbitraryMetadata: fc.Arbitrary<JsonObject> = fc.record(
  {
    name: fc.constant('nginx'),
    namespace: fc.constant('web'),
    labels: fc.dictionary(fc.constantFrom('app', '__proto__'), fc.string({ maxLength: 3 }), { noNullPrototype: true }),
    annotations: fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.string({ maxLength: 3 }), {
      minKeys: 1,
      noNullPrototype: true,
    }),
  },
  { requiredKeys: ['name'], noNullPrototype: true },
);

/** Values that old objects may have, and others that no schema allows. */
const strange: readonly Json[] = ['', true, false, null, [], {}, 7, 'ApparmorProfile', 'Enforcing', 'Enabled', 'spc_t'];

function arbitraryValues(names: readonly string[], values: readonly Json[]): fc.Arbitrary<readonly Written[]> {
  return fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...values)), { maxLength: 4 });
}

/** Fields with values that only old objects have. */
function aliases(table: ConversionTable): Written[] {
  return table.rules.flatMap((rule) =>
    rule.rule === 'renamed' ? (rule.aliases ?? []).map(([value]): Written => [rule.field, value]) : [],
  );
}

/** A field, and a value that is written to it. */
type Written = readonly [field: string, value: Json];

function written([object, values]: readonly [JsonObject, readonly Written[]]): JsonObject {
  return values.reduce((edited, [field, value]) => withValue(edited, field.split('.'), value) ?? edited, object);
}

/** A kind with objects of both of its versions. */
interface Kind {
  readonly table: ConversionTable;
  readonly resource: ConvertedResource;
  readonly v1: fc.Arbitrary<JsonObject>;
  readonly old: fc.Arbitrary<JsonObject>;
  /** Objects of the old version that no schema allows. */
  readonly strange: fc.Arbitrary<JsonObject>;
  toV1(object: JsonObject): JsonObject;
  toOld(object: JsonObject): JsonObject;
}

const kinds = resources.map((resource): Kind => {
  const { kind, older, stored } = resource;
  const table = tables.get(kind);
  assert.ok(table !== undefined, kind);
  const whole = ({ name, schema }: ConvertedResource['stored']): fc.Arbitrary<JsonObject> =>
    fc
      .tuple(arbitraryMetadata, arbitraryOf(schema))
      .map(([metadata, body]) => ({ apiVersion: `${group}/${name}`, kind, metadata, ...(body as JsonObject) }));
  return {
    table,
    resource,
    v1: whole(stored),
    old: fc.tuple(whole(older), fc.subarray(aliases(table))).map(written),
    strange: fc
      .tuple(
        whole(older),
        arbitraryValues(
          differingFields(table)
            .filter(({ isNew }) => !isNew)
            .map(({ name }) => name),
          strange,
        ),
      )
      .map(written),
    toV1: (object) => convert(object, `${group}/v1`),
    toOld: (object) => convert(object, `${group}/${older.name}`),
  };
});

function bare(object: JsonObject): JsonObject {
  const rest = withValue(object, ['metadata', 'annotations', carriedAnnotation], undefined) ?? object;
  const isEmpty = isEqual(at(rest, ['metadata', 'annotations']), {});
  return isEmpty ? (withValue(rest, ['metadata', 'annotations'], undefined) ?? rest) : rest;
}

/** The fields of the rules, without the objects that these are in. */
function ruleFields(table: ConversionTable): string[] {
  return table.rules.flatMap((rule) => (rule.rule === 'moved' ? [rule.from, rule.to] : [rule.field]));
}

/** Takes over some fields of another object, as a user who edits it does. */
function edited(object: JsonObject, other: JsonObject, fields: readonly string[]): JsonObject {
  return fields.reduce((result, field) => {
    const path = field.split('.');
    return withValue(result, path, at(other, path)) ?? result;
  }, object);
}

function isWithin(field: string, other: string): boolean {
  return `${field}.`.startsWith(`${other}.`);
}

function arbitraryEdit(table: ConversionTable): fc.Arbitrary<string[]> {
  const fields = [
    ...differingFields(table).map(({ name }) => name),
    'spec.image',
    'spec.defaultAction',
    'spec.verbosity',
    'metadata.labels',
  ];
  return fc.uniqueArray(fc.constantFrom(...fields), { maxLength: 3 });
}

describe('the conversion of every kind', () => {
  for (const { table, resource, v1, old, strange, toV1, toOld } of kinds) {
    const { kind, older } = resource;

    it(`${kind}: has a table for the versions that are served`, () => {
      assert.equal(table.old, older.name);
    });

    it(`${kind}: v1 to ${older.name} and back changes nothing, and is valid on the way`, () => {
      fc.assert(
        fc.property(v1, (object) => {
          const there = toOld(object);
          assert.equal(there['apiVersion'], `${group}/${older.name}`);
          assert.deepEqual(v.safeParse(older.schema, there).issues, undefined);
          assert.deepEqual(toV1(there), object);
        }),
        { numRuns },
      );
    });

    it(`${kind}: ${older.name} to v1 and back changes nothing`, () => {
      fc.assert(
        fc.property(fc.oneof(old, strange), (object) => {
          const there = toV1(object);
          assert.equal(there['apiVersion'], `${group}/v1`);
          assert.deepEqual(toOld(there), object);
        }),
        { numRuns },
      );
    });

    it(`${kind}: repeated conversions change neither the object nor the annotation`, () => {
      fc.assert(
        fc.property(v1, fc.oneof(old, strange), (one, other) => {
          const [first, second] = [toOld(one), toV1(other)];
          assert.deepEqual(toOld(toV1(first)), first);
          assert.deepEqual(toV1(toOld(second)), second);
        }),
        { numRuns },
      );
    });

    it(`${kind}: an edit in ${older.name} counts, and keeps what only v1 has`, () => {
      fc.assert(
        fc.property(v1, old, arbitraryEdit(table), (object, other, fields) => {
          const changed = edited(toOld(object), other, fields);
          const result = toV1(changed);
          // What the old version can hold is what was written there.
          assert.deepEqual(bare(toOld(result)), bare(changed));
          for (const rule of table.rules) {
            if (rule.rule !== 'new') continue;
            const path = rule.field.split('.');
            const isKept = isObject(at(changed, path.slice(0, -1))) && at(changed, path) === undefined;
            if (isKept) assert.deepEqual(at(result, path), at(object, path), rule.field);
          }
        }),
        { numRuns },
      );
    });

    it(`${kind}: an edit in v1 counts, and keeps what only ${older.name} has`, () => {
      fc.assert(
        fc.property(old, v1, arbitraryEdit(table), (object, other, fields) => {
          const before = toV1(object);
          const changed = edited(before, other, fields);
          const result = toOld(changed);
          assert.deepEqual(bare(toV1(result)), bare(changed));
          const [was, is] = [down(table, before), down(table, changed)];
          const isUnedited = (field: string): boolean => {
            const path = field.split('.');
            return isEqual(at(was, path), at(is, path)) && isEqual(at(before, path), at(changed, path));
          };
          if (!ruleFields(table).every(isUnedited)) return;
          for (const field of ruleFields(table)) {
            assert.deepEqual(at(result, field.split('.')), at(object, field.split('.')), field);
          }
        }),
        { numRuns },
      );
    });

    it(`${kind}: several conversions and edits lose no field that was left alone`, () => {
      const step = fc.record({ other: v1, fields: arbitraryEdit(table), inOld: fc.boolean() });
      fc.assert(
        fc.property(v1, fc.array(step, { maxLength: 5 }), (object, steps) => {
          let current = object;
          let touched: string[] = [];
          for (const { other, fields, inOld } of steps) {
            const source = inOld ? down(table, other) : other;
            current = inOld ? toV1(edited(toOld(current), source, fields)) : edited(current, source, fields);
            touched = [...touched, ...fields];
          }
          for (const field of ruleFields(table)) {
            const isTouched = touched.some((other) => isWithin(field, other) || isWithin(other, field));
            if (!isTouched) assert.deepEqual(at(current, field.split('.')), at(object, field.split('.')), field);
          }
        }),
        { numRuns },
      );
    });
  }
});
