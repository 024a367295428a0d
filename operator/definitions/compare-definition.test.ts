import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allResources } from '../api/resources.ts';
import type { JsonObject } from '../api/shared/json.ts';
import { customResourceDefinition } from '../crds/custom-resource-definition.ts';
import { lackingIn } from './compare-definition.ts';

const definition = (schema: object, version: object = {}): JsonObject =>
  ({
    spec: {
      versions: [
        { name: 'v1', served: true, subresources: { status: {} }, schema: { openAPIV3Schema: schema }, ...version },
      ],
    },
  }) as unknown as JsonObject;
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

describe('lackingIn', () => {
  it('finds nothing in definitions of this version', () => {
    for (const resource of allResources) {
      const wanted = customResourceDefinition(resource);
      assert.deepEqual(lackingIn(structuredClone(wanted), wanted), []);
    }
  });

  it('names fields and values that are dropped or refused, and no others', () => {
    const text = { type: 'string' };
    const wanted = object({
      spec: object({ a: text, list: { type: 'array', items: object({ b: text, c: text }) } }),
      status: object({ state: { type: 'string', enum: ['Old', 'New'] } }),
      labels: { type: 'object', additionalProperties: text },
    });
    const cases: [object, string[]][] = [
      [wanted, []],
      [object({ ...wanted.properties, more: text }), []],
      [object({}, { 'x-kubernetes-preserve-unknown-fields': true }), []],
      [object({}), ['spec of v1', 'status of v1', 'labels of v1']],
      [
        object({
          spec: object({ list: { type: 'array', items: object({ b: text }) } }),
          status: object({ state: { type: 'string', enum: ['Old'] } }),
          labels: object({}),
        }),
        ['spec.a of v1', 'spec.list[].c of v1', 'the value "New" of status.state of v1', 'labels.* of v1'],
      ],
    ];
    for (const [installed, lacking] of cases) {
      assert.deepEqual(lackingIn(definition(installed), definition(wanted)), lacking);
    }
  });

  it('names versions that are not served, and a status that cannot be written', () => {
    const wanted = definition(object({}));
    for (const installed of [
      definition(object({}), { served: false }),
      definition(object({}), { name: 'v0' }),
      {},
      null,
    ]) {
      assert.deepEqual(lackingIn(installed, wanted), ['version v1']);
    }
    assert.deepEqual(lackingIn(definition(object({}), { subresources: {} }), wanted), ['the subresource status of v1']);
    assert.deepEqual(lackingIn(definition(object({}), { schema: undefined }), wanted), ['the schema of v1']);
  });
});
