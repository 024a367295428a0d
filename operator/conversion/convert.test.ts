import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { JsonObject } from '../api/shared/json.ts';
import { carriedAnnotation } from './carried.ts';
import { convert } from './convert.ts';
import { parseJson, writeJson } from './exact-numbers.ts';
import { at, withValue } from './json.ts';
import { group, tables } from './tables.ts';

const v1 = `${group}/v1`;
const v1alpha1 = `${group}/v1alpha1`;

const binding: JsonObject = {
  apiVersion: v1,
  kind: 'ProfileBinding',
  metadata: { name: 'nginx', namespace: 'web' },
  spec: {
    profileRef: { kind: 'SeccompProfile', name: 'nginx' },
    image: '*',
    podSelector: { matchLabels: { app: 'nginx' } },
  },
};

function annotated(object: JsonObject, annotation: object | string): JsonObject {
  const text = typeof annotation === 'string' ? annotation : JSON.stringify(annotation);
  const result = withValue(object, ['metadata', 'annotations', carriedAnnotation], text);
  assert.ok(result !== undefined);
  return result;
}

function refusal(kind: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof FairleadError, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    return true;
  };
}

describe('convert', () => {
  it('carries what the old version does not have in one annotation, which people can read', () => {
    const old = convert(binding, v1alpha1);
    assert.deepEqual(old, {
      ...binding,
      apiVersion: v1alpha1,
      metadata: {
        name: 'nginx',
        namespace: 'web',
        annotations: {
          'fairlead.dev/converted-from':
            '{"version":"v1","fields":{"spec.podSelector":{"value":{"matchLabels":{"app":"nginx"}}}}}',
        },
      },
      spec: { profileRef: { kind: 'SeccompProfile', name: 'nginx' }, image: '*' },
    });
  });

  it('adds no annotation if both versions hold everything', () => {
    const profile = { apiVersion: v1, kind: 'SeccompProfile', metadata: { name: 'a' }, spec: { state: 'Enabled' } };
    assert.deepEqual(convert(profile, `${group}/v1beta1`), { ...profile, apiVersion: `${group}/v1beta1` });
    assert.equal(convert(profile, v1), profile);
  });

  it('keeps a contradiction of manifests before 1.0 apart from what it means', () => {
    const written = { disabled: false, state: 'Disabled', permissive: true, mode: 'Enforcing' };
    const old = { apiVersion: `${group}/v1alpha2`, kind: 'SelinuxProfile', metadata: { name: 'a' }, spec: written };
    const converted = convert(old, v1);
    assert.deepEqual(converted['spec'], { state: 'Disabled', mode: 'Permissive' });
    assert.deepEqual(convert(converted, `${group}/v1alpha2`), old);
    const enforced = withValue(converted, ['spec', 'mode'], 'Enforcing') ?? {};
    const { spec, metadata } = convert(enforced, `${group}/v1alpha2`);
    assert.deepEqual(spec, { state: 'Disabled', mode: 'Enforcing', disabled: false });
    assert.deepEqual(metadata, { name: 'a' });
  });

  it('distinguishes an empty list from none', () => {
    for (const containers of [[], undefined, null]) {
      const spec = { recorder: 'logs', ...(containers !== undefined && { containers }) };
      const old = { apiVersion: v1alpha1, kind: 'ProfileRecording', metadata: { name: 'a' }, spec };
      assert.deepEqual(convert(old, v1)['spec'], { ...spec, recorder: 'Logs' });
      assert.deepEqual(convert(convert(old, v1), v1alpha1), old);
    }
  });

  it('names the object that it refuses', () => {
    const refused: [JsonObject, string, RegExp][] = [
      [{ ...binding, kind: 'Pod' }, v1alpha1, /^Pod web\/nginx: want one of the kinds SeccompProfile, /],
      [{ ...binding, kind: 'constructor' }, v1alpha1, /^constructor web\/nginx: want one of the kinds/],
      [{ kind: 7 }, v1alpha1, /^object without a name: want one of the kinds/],
      [{ ...binding, apiVersion: 'example.com/v1' }, v1alpha1, /web\/nginx: .*from or to "example\.com\/v1"/],
      [binding, `${group}/v1beta1`, /web\/nginx: .*v1beta1": want .*\/v1 or .*\/v1alpha1/],
      [{ ...binding, metadata: null }, v1alpha1, /^ProfileBinding without a name: metadata is not an object/],
    ];
    for (const [object, to, message] of refused) {
      assert.throws(() => convert(object, to), refusal('InvalidInput', message));
    }
  });

  it('refuses an invalid annotation on the way to v1, and ignores it on the way from v1', () => {
    const { podSelector: _, ...spec } = binding['spec'] as JsonObject;
    const old = { ...binding, apiVersion: v1alpha1, spec };
    const bad: [object | string, RegExp][] = [
      ['{', /is not a JSON object/],
      ['[]', /is not a JSON object/],
      ['[['.repeat(100_000), /is not a JSON object/],
      [{}, /has no version/],
      [{ version: 'v1' }, /has no fields/],
      [{ version: 'v1', fields: { 'spec.podSelector': [] } }, /a field is not an object/],
      [
        { version: 'v1', fields: { 'spec.podSelector': { value: 'all' } } },
        /makes the object invalid: spec\.podSelector/,
      ],
      [
        { version: 'v1', fields: { 'spec.podSelector': { value: { matchLabels: { app: 7 } } } } },
        /makes the object invalid: spec\.podSelector\.matchLabels/,
      ],
    ];
    for (const [annotation, message] of bad) {
      assert.throws(() => convert(annotated(old, annotation), v1), refusal('InvalidInput', message));
      const there = convert(annotated(binding, annotation), v1alpha1);
      assert.deepEqual(convert(there, v1), binding);
    }
  });

  it('lets an annotation neither change the status nor reach other fields', () => {
    const fields = {
      'status.state': { value: 'Running', mapped: 'Pending' },
      'spec.verbosity': { value: 9, mapped: 1 },
      'metadata.name': { value: 'other', mapped: 'spod' },
      '__proto__.polluted': { value: true },
      'spec.selinux': { value: { enable: true } },
    };
    const old = {
      apiVersion: v1alpha1,
      kind: 'SecurityProfilesOperatorDaemon',
      metadata: { name: 'spod' },
      spec: { verbosity: 1 },
      status: { state: 'PENDING' },
    };
    const converted = convert(annotated(old, { version: 'v1', fields }), v1);
    assert.deepEqual(converted, { ...old, apiVersion: v1, status: { state: 'Pending' } });
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
  });

  it('refuses an object of v1 with more annotations than an API server stores', () => {
    const annotations = { large: 'x'.repeat(256 * 1024 - 10) };
    const metadata = { name: 'a', annotations };
    const old = { apiVersion: v1alpha1, kind: 'AppArmorProfile', metadata, spec: { disabled: true } };
    assert.throws(
      () => convert(old, v1),
      refusal(
        'LimitExceeded',
        /^AppArmorProfile a: .*annotations would have \d+ bytes with them: want at most 262144$/,
      ),
    );
  });

  it('reads what is too large for an annotation, and lets it be written only in v1', () => {
    const labels = [...Array(20_000).keys()].map((index) => [`label-${index}`, 'value']);
    const wide = withValue(binding, ['spec', 'podSelector'], { matchLabels: Object.fromEntries(labels) }) ?? {};
    const named = convert(wide, v1alpha1);
    assert.deepEqual(at(named, ['metadata', 'annotations']), {
      [carriedAnnotation]: '{"version":"v1","omitted":["spec.podSelector"]}',
    });
    assert.throws(
      () => convert(named, v1),
      refusal('InvalidInput', /^ProfileBinding web\/nginx: .*it has fields that only "v1" has: "spec\.podSelector"$/),
    );
    // Not even the names of the fields fit.
    for (const bytes of [256 * 1024 - 20, 256 * 1024 - 500]) {
      const full = withValue(binding, ['metadata', 'annotations'], { large: 'x'.repeat(bytes) }) ?? {};
      const read = convert(full, v1alpha1);
      if (at(read, ['metadata', 'annotations', carriedAnnotation]) !== undefined) {
        assert.deepEqual(convert(read, v1), full);
        continue;
      }
      assert.throws(() => convert(read, v1), refusal('LimitExceeded', /leave no room for the fields that only v1 has/));
    }
  });

  it('keeps numbers that JavaScript cannot hold', () => {
    const text = `{"apiVersion":"${v1}","kind":"SeccompProfile","metadata":{"name":"a"},"spec":{"value":9223372036854775807,"list":[-9007199254740993,0.5]}}`;
    const converted = convert(parseJson(text) as JsonObject, `${group}/v1beta1`);
    assert.equal(writeJson(converted), text.replace('/v1"', '/v1beta1"'));
    const daemon = parseJson(
      `{"apiVersion":"${v1alpha1}","kind":"SecurityProfilesOperatorDaemon","metadata":{"name":"a"},"spec":{"tolerations":[{"tolerationSeconds":9007199254740993}]}}`,
    ) as JsonObject;
    const there = parseJson(writeJson(convert(daemon, v1))) as JsonObject;
    assert.match(writeJson(at(there, ['spec', 'scheduling']) ?? null), /9007199254740993/);
    assert.equal(writeJson(convert(there, v1alpha1)), writeJson(daemon));
  });

  it('has a table of every kind', () => {
    assert.equal(tables.size, 8);
  });
});
