import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { int32, int64, kubernetes, mapOf, rule, setOf } from '../api/shared/kubernetes.ts';
import { structuralSchema } from './structural-schema.ts';

describe('structuralSchema', () => {
  it('has types, defaults, limits, requirements and descriptions', () => {
    const schema = v.object({
      mode: v.optional(v.pipe(v.picklist(['On', 'Off']), v.description('A mode.')), 'On'),
      path: v.pipe(v.string(), v.minLength(1), v.maxLength(9), v.regex(/^\/proc(\/.*)?$/)),
      count: v.optional(int32(1)),
      names: v.optional(v.pipe(setOf(v.string()), v.minLength(1), v.maxLength(6))),
    });
    assert.deepEqual(structuralSchema(schema), {
      type: 'object',
      required: ['path'],
      properties: {
        mode: { description: 'A mode.', type: 'string', enum: ['On', 'Off'], default: 'On' },
        path: { type: 'string', pattern: '^/proc(/.*)?$', minLength: 1, maxLength: 9 },
        count: { type: 'integer', format: 'int32', minimum: 1 },
        names: {
          type: 'array',
          minItems: 1,
          maxItems: 6,
          items: { type: 'string' },
          'x-kubernetes-list-type': 'set',
        },
      },
    });
  });

  it('has what the hints say of values that only code describes', () => {
    assert.deepEqual(structuralSchema(mapOf(mapOf(int64()))), {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: { type: 'integer', format: 'int64', minimum: 0 },
      },
    });
  });

  it('has all rules, in their order', () => {
    const one = { rule: "self != ''", message: 'must not be empty' };
    const two = { rule: "self != 'x'", message: 'must not be x', fieldPath: '.x' };
    const schema = v.pipe(
      v.string(),
      ...rule<string>({ ...one, holds: (text) => text !== '' }),
      ...rule<string>({ ...two, holds: (text) => text !== 'x' }),
    );
    assert.deepEqual(structuralSchema(schema), { type: 'string', 'x-kubernetes-validations': [one, two] });
    assert.deepEqual(
      ['', 'x', 'y'].map((text) => v.safeParse(schema, text).issues?.map(({ message }) => message)),
      [['must not be empty'], ['must not be x'], undefined],
    );
  });

  it('refuses what a structural schema cannot express', () => {
    assert.throws(() => structuralSchema(v.object({ a: v.nullable(v.string()) })), /has no nullable/);
    assert.throws(() => structuralSchema(v.strictObject({})), /is not closed/);
    assert.throws(() => structuralSchema(v.pipe(v.string(), v.toLowerCase())), /cannot be converted/);
    assert.throws(() => structuralSchema(v.pipe(v.string(), v.regex(/^a$/i))), /flags/);
    assert.doesNotThrow(() => structuralSchema(v.pipe(v.string(), kubernetes({ format: 'date-time' }))));
  });
});
