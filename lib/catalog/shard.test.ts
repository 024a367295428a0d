import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { arbitraryEntries, catalogEntry } from '../../test/support/catalog-entries.ts';
import type { CatalogEntry } from './entry.ts';
import { entryDescriptor, parseEntry } from './entry-descriptor.ts';
import { catalogAnnotations } from './format.ts';
import { compareEntries, packShard, parseShardEntries, parseShardManifest } from './shard.ts';
import { shardKey } from './shard-key.ts';
import { listedSigners } from './signer-name.ts';

/** The entries that share their shard with the first one. */
function ofOneShard(entries: readonly CatalogEntry[]): { key: string; entries: readonly CatalogEntry[] } {
  const [first] = entries;
  const key = first === undefined ? '00' : shardKey(first);
  return { key, entries: entries.filter((entry) => shardKey(entry) === key) };
}

describe('a shard', () => {
  it('has its entries after packing and reading, in the order of the catalog', () => {
    fc.assert(
      fc.property(arbitraryEntries, (all) => {
        const { key, entries } = ofOneShard(all);
        const { manifestBytes, blobs } = packShard(entries);
        const layer = parseShardManifest(manifestBytes);
        const content = blobs.find(({ descriptor }) => descriptor.digest === layer.digest)?.bytes ?? Buffer.of();
        assert.deepEqual(parseShardEntries(content, { key, count: entries.length }), entries.toSorted(compareEntries));
      }),
    );
  });

  it('keeps the image that a profile is attached to', () => {
    const subject = digestOf(Buffer.from('image'));
    const attached = catalogEntry({ subject });
    const { blobs, manifestBytes } = packShard([attached]);
    const layer = parseShardManifest(manifestBytes);
    const content = blobs.find(({ descriptor }) => descriptor.digest === layer.digest)?.bytes ?? Buffer.of();
    const [read] = parseShardEntries(content, { key: shardKey(attached), count: 1 });
    assert.deepEqual(read, attached);
    assert.deepEqual([read?.subject, read?.images], [subject, ['registry.test/acme/nginx']]);
  });

  it('is the same in whichever order its entries come', () => {
    fc.assert(
      fc.property(arbitraryEntries, (all) => {
        const { entries } = ofOneShard(all);
        const { descriptor } = packShard(entries);
        assert.deepEqual(packShard(entries.toReversed()).descriptor, descriptor);
      }),
    );
  });

  const entry = catalogEntry();
  const key = shardKey(entry);
  const layerOf = (manifests: readonly unknown[]): Uint8Array =>
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }));
  const listed = entryDescriptor(entry);
  const annotated = (annotations: Record<string, string>): unknown => ({
    ...listed,
    annotations: { ...listed.annotations, ...annotations },
  });
  for (const [what, manifests, expected] of [
    ['an entry of another shard', [entryDescriptor(catalogEntry({ of: 'registry.test/other' }))], /belongs to shard/],
    ['an index as an entry', [{ ...listed, mediaType: mediaTypes.index }], /its media type is/],
    ['an invalid repository', [annotated({ [catalogAnnotations.repository]: 'a\u001b[31m' })], /invalid repository/],
    ['a repository with a tag', [annotated({ [catalogAnnotations.repository]: 'a.test/b:1' })], /invalid repository/],
    ['an unknown kind', [annotated({ [catalogAnnotations.kind]: 'Landlock' })], /invalid kind "Landlock"/],
    ['an invalid tag', [annotated({ [catalogAnnotations.tags]: '1.0,a b' })], /invalid tags/],
    [
      'more than 1,000 tags',
      [annotated({ [catalogAnnotations.tags]: Array.from({ length: 1001 }, (_, at) => `t${at}`).join(',') })],
      /invalid tags/,
    ],
    ['invalid architectures', [annotated({ [catalogAnnotations.architectures]: 'amd64,\n' })], /invalid architectures/],
    ['an invalid subject', [annotated({ [catalogAnnotations.subject]: 'sha256:1' })], /invalid subject/],
    ['signers that are not JSON', [annotated({ [catalogAnnotations.signers]: '[' })], /invalid signers: not JSON/],
    ['a signer without a name', [annotated({ [catalogAnnotations.signers]: '[{}]' })], /invalid signers/],
    ['a negative number of calls', [annotated({ [catalogAnnotations.calls]: '{"allowed":-1}' })], /invalid calls/],
    ['a long annotation', [annotated({ a: 'x'.repeat(5000) })], /annotation "a" is too long/],
    [
      'many annotations',
      [annotated(Object.fromEntries(Array.from({ length: 70 }, (_, at) => [`a${at}`, ''])))],
      /has 7\d annotations/,
    ],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseShardEntries(layerOf(manifests), { key, count: 1 }), refusal(expected));
    });
  }

  it('is refused with an entry twice', () => {
    assert.throws(
      () => parseShardEntries(layerOf([listed, listed]), { key, count: 2 }),
      refusal(/has the entry .* twice/),
    );
  });

  it('is refused with another number of entries than the root states', () => {
    assert.throws(() => parseShardEntries(layerOf([listed]), { key, count: 2 }), refusal(/1 entries, but the root/));
    const empty = Buffer.from(`{"schemaVersion":2,"manifests":[${'[],'.repeat(1000)}[]]}`);
    assert.throws(() => parseShardEntries(empty, { key, count: 1 }), refusal(/more than 1 entries/));
  });

  it('is refused if it is not a shard', () => {
    const { manifest } = packShard([entry]);
    const read = (change: object) => () => parseShardManifest(Buffer.from(JSON.stringify({ ...manifest, ...change })));
    assert.throws(read({ artifactType: 'text/plain' }), refusal(/its artifactType is "text\/plain"/));
    assert.throws(read({ layers: [] }), refusal(/has 0 layers/));
    assert.throws(read({ layers: [manifest.config] }), refusal(/its layer has media type/));
    assert.throws(
      read({ layers: [{ ...manifest.layers[0], size: 9_000_000 }] }),
      refusal(/9000000 bytes/, 'LimitExceeded'),
    );
    assert.throws(() => parseShardManifest(Buffer.from('[')), refusal(/invalid JSON/));
  });
});

describe('an entry', () => {
  it('has as many signers as readers take, in whichever order they are found', () => {
    const identity = fc.string({ minLength: 1 }).map((text) => ({ issuer: 'https://issuer.test', identity: text }));
    fc.assert(
      fc.property(fc.array(identity, { minLength: 1, maxLength: 200, size: 'max' }), (signers) => {
        const listed = listedSigners(signers);
        assert.ok(listed.length > 0);
        assert.deepEqual(listedSigners(signers.toReversed()), listed);
        assert.deepEqual(parseEntry(entryDescriptor(catalogEntry({ signers: listed }))).signers, listed);
      }),
      { numRuns: 30 },
    );
  });

  it('takes nothing over that only builders of catalogs write', () => {
    const entry = catalogEntry({ annotations: { [catalogAnnotations.signers]: '[{"key":"0"}]' } });
    assert.equal(entryDescriptor(entry).annotations?.[catalogAnnotations.signers], undefined);
  });
});

function refusal(message: RegExp, kind: FairleadError['kind'] = 'ProfileInvalid') {
  return (error: unknown): boolean => {
    assert(error instanceof FairleadError);
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    return true;
  };
}
