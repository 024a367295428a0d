import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { emptyConfigBytes, mediaTypes } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { isManifestMediaType, parseIndex, parseManifest } from './manifest.ts';

const config = { mediaType: mediaTypes.emptyConfig, digest: digestOf(emptyConfigBytes), size: 2 };
const base = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] };
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const kindOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    assert(error instanceof FairleadError, String(error));
    return `${error.kind}: ${error.message}`;
  }
  return 'accepted';
};

describe('parseManifest', () => {
  it('reads a manifest and leaves unknown fields out of the value', () => {
    const parsed = parseManifest(bytes({ ...base, later: 1, config: { ...config, later: true } }));
    assert.deepEqual(parsed, base);
  });

  it('takes null for absent, and a list that is null for empty, as tools written in Go do', () => {
    const absent = { artifactType: null, annotations: null, platform: null };
    const parsed = parseManifest(
      bytes({ ...base, ...absent, subject: null, config: { ...config, ...absent }, layers: null }),
    );
    assert.deepEqual(parsed, base);
  });

  const refused: [string, unknown, RegExp][] = [
    ['a Docker manifest', { ...base, mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }, /mediaType/],
    ['schema version 1', { ...base, schemaVersion: 1 }, /schemaVersion/],
    [
      'a digest in upper case',
      { ...base, config: { ...config, digest: config.digest.toUpperCase() } },
      /config\.digest: invalid digest/,
    ],
    ['a negative size', { ...base, config: { ...config, size: -1 } }, /config\.size/],
    ['a fractional size', { ...base, config: { ...config, size: 1.5 } }, /config\.size/],
    ['a size beyond exact integers', { ...base, config: { ...config, size: 2 ** 60 } }, /config\.size/],
    ['a layer without media type', { ...base, layers: [{ ...config, mediaType: undefined }] }, /layers\.0\.mediaType/],
    ['annotations that are not strings', { ...base, annotations: { a: 1 } }, /annotations\.a/],
    ['a config that is null', { ...base, config: null }, /config/],
    ['layers that are not there', { ...base, layers: undefined }, /layers/],
    ['a layer that is null', { ...base, layers: [null] }, /layers\.0/],
    ['an array', [], /is not an OCI image manifest/],
    ['null', null, /is not an OCI image manifest/],
  ];
  it('reports what is wrong briefly, however long the value is', () => {
    for (const value of [
      { mediaType: 'x'.repeat(1_000_000) },
      { schemaVersion: 'x'.repeat(1_000_000) },
      { ['y'.repeat(1_000_000)]: 1, layers: 1 },
    ]) {
      assert.throws(
        () => parseManifest(Buffer.from(JSON.stringify(value))),
        (error: Error) => error.message.length < 600,
      );
    }
  });

  for (const [title, value, message] of refused) {
    it(`refuses ${title}`, () =>
      assert.match(
        kindOf(() => parseManifest(bytes(value), 'm')),
        message,
      ));
  }

  it('refuses what is not UTF-8 JSON', () => {
    assert.match(
      kindOf(() => parseManifest(Uint8Array.of(0xff, 0x7b))),
      /InvalidInput.*invalid JSON/,
    );
    assert.match(
      kindOf(() => parseManifest(new Uint8Array())),
      /InvalidInput.*invalid JSON/,
    );
  });

  it('refuses more than 4 MiB before parsing', () => {
    assert.match(
      kindOf(() => parseManifest(new Uint8Array(4 * 1024 * 1024 + 1))),
      /^LimitExceeded/,
    );
  });

  it('answers deep nesting with an error, not a crash', () => {
    const deep = new TextEncoder().encode('['.repeat(1_000_000));
    assert.match(
      kindOf(() => parseManifest(deep)),
      /^InvalidInput/,
    );
    const closed = new TextEncoder().encode(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    assert.match(
      kindOf(() => parseManifest(closed)),
      /^InvalidInput/,
    );
  });

  it('answers any JSON with a value or InvalidInput', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        assert.match(
          kindOf(() => parseManifest(new TextEncoder().encode(json))),
          /^(InvalidInput|accepted)/,
        );
      }),
    );
  });
});

it('refuses, or passes over, deeply nested JSON', () => {
  const nest = '['.repeat(200_000) + ']'.repeat(200_000);
  for (const [field, expected] of [
    ['layers', /^InvalidInput/],
    ['annotations', /^InvalidInput/],
    ['unknown', /^accepted/],
  ] as const) {
    const text = JSON.stringify({ ...base, [field]: 'nest' }).replace('"nest"', nest);
    assert.match(
      kindOf(() => parseManifest(new TextEncoder().encode(text))),
      expected,
    );
  }
});

describe('parseIndex', () => {
  it('reads an index, also one without its optional mediaType', () => {
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [config] };
    assert.deepEqual(parseIndex(bytes(index)), index);
    assert.deepEqual(parseIndex(bytes({ ...index, mediaType: undefined })), index);
  });

  it('reads a list of referrers as registries write it: null for an empty list, unknown platforms', () => {
    const list = { schemaVersion: 2, mediaType: mediaTypes.index };
    assert.deepEqual(parseIndex(bytes({ ...list, manifests: null })).manifests, []);
    const entries = [{ architecture: null, os: null }, {}].map((platform) => ({
      ...config,
      annotations: null,
      platform,
    }));
    const platform = { architecture: '', os: '' };
    assert.deepEqual(parseIndex(bytes({ ...list, manifests: entries })).manifests, [
      { ...config, platform },
      { ...config, platform },
    ]);
  });

  it('refuses a manifest', () =>
    assert.match(
      kindOf(() => parseIndex(bytes(base))),
      /mediaType/,
    ));
});

it('distinguishes manifests from blobs by media type', () => {
  assert(isManifestMediaType(mediaTypes.index));
  assert(!isManifestMediaType(mediaTypes.imageLayer));
});
