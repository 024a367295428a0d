import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { resources } from '#operator/api/resources';
import { carriedAnnotation } from '#operator/conversion/carried';
import { convert } from '#operator/conversion/convert';
import { clean, withoutAnnotation } from '#operator/migrate/clean';
import { migrateManifests } from '#operator/migrate/migrate-manifests';
import { isResource, scopeOf } from '#operator/migrate/migrate-resource';
import { type JsonObject, textAt } from '#operator/migrate/value';
import { objectsIn, oldManifests } from '#test/support/operator/old-manifests';

const v1 = 'security-profiles-operator.x-k8s.io/v1';

/** Words of YAML 1.1 that a reader of 1.2 leaves as text. */
const truths = new Map<unknown, boolean>([
  ['yes', true],
  ['no', false],
]);

/** Returns an object as the API server stores it: converted by the webhook. */
function converted(object: JsonObject): JsonObject {
  const { object: manifest } = clean(object, scopeOf(textAt(object, 'kind') ?? ''));
  const read = JSON.parse(
    JSON.stringify(manifest, (key, value) =>
      typeof value === 'bigint'
        ? `${value}n`
        : /^(?:disabled|permissive)$/.test(key)
          ? (truths.get(value) ?? value)
          : value,
    ),
    (_, value) => (/^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value),
  );
  return withoutAnnotation(convert(read, v1) as JsonObject, carriedAnnotation);
}

describe('20 manifests in the shapes of before SPO 1.0', () => {
  const files = oldManifests();
  const migration = migrateManifests(files);

  it('are all migrated, with their layout, and leave nothing to decide', () => {
    assert.equal(files.length, 20);
    assert.deepEqual(migration.unread, []);
    for (const { name, changes, decisions, notices } of migration.files) {
      assert.ok(changes.length > 0, name);
      assert.deepEqual(decisions, [], name);
      assert.ok(!notices.some(({ code }) => code === 'layout-lost'), name);
    }
    const again = migrateManifests(migration.files);
    assert.deepEqual(
      again.files.map(({ text, changes }) => [text, changes]),
      migration.files.map(({ text }) => [text, []]),
    );
  });

  it('keep all comments, except those of the fields that are removed', () => {
    const removed = new Set(['# All profiles of the shop are in one namespace.']);
    for (const [index, { text }] of files.entries()) {
      const kept = migration.files[index]?.text ?? '';
      for (const [comment] of text.matchAll(/(?<=^|\s)# .*$/gm)) {
        assert.equal(kept.includes(comment), !removed.has(comment), comment);
      }
    }
  });

  for (const [index, { name, text }] of files.entries()) {
    it(`${name}: the result is what the conversion webhook makes of it, and valid`, () => {
      const before = objectsIn(text);
      const after = objectsIn(migration.files[index]?.text ?? '');
      assert.equal(after.length, before.length);
      for (const [place, object] of before.entries()) {
        const result = after[place];
        if (!isResource(object)) continue;
        assert.ok(result !== undefined);
        assert.deepEqual(result, converted(object));
        const resource = resources.find(({ kind }) => kind === result['kind']);
        assert.deepEqual(v.safeParse(resource?.stored.schema ?? v.never(), result).issues, undefined);
      }
    });
  }
});
