import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readProfile } from '#lib/profile/read-profile';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parseManifest } from '#lib/registry/manifest';
import { type PackOptions, packArtifact } from './pack-artifact.ts';
import { isSameManifest } from './same-manifest.ts';

const profile = readProfile(new TextEncoder().encode('{"defaultAction": "SCMP_ACT_ERRNO"}'));
const image: Descriptor = { mediaType: mediaTypes.index, digest: digestOf(new Uint8Array([1])), size: 1 };
const pack = (options: Partial<PackOptions> = {}): Manifest =>
  parseManifest(packArtifact(profile, { layout: 'runtime', ...options }).manifestBytes);

describe('packArtifact with a subject', () => {
  it('refers to the image', () => assert.deepEqual(pack({ subject: image }).subject, image));

  it('has the same digest, whatever a registry adds to the descriptor of the image', () => {
    const described = { ...image, annotations: { a: 'b' }, platform: { architecture: 'amd64', os: 'linux' } };
    assert.deepEqual(pack({ subject: described }), pack({ subject: image }));
  });
});

describe('isSameManifest', () => {
  const source = 'org.opencontainers.image.source';
  const cases: readonly (readonly [what: string, other: Manifest, expected: boolean])[] = [
    ['the same', pack(), true],
    ['an annotation that is left out', pack({ annotations: { [source]: 'https://example.com' } }), true],
    ['another annotation', pack({ annotations: { 'example.com/team': 'web' } }), false],
    ['a subject', pack({ subject: image }), false],
    ['a title', pack({ title: 'nginx.json' }), false],
    ['other bytes', pack({ content: new TextEncoder().encode('{"defaultAction":"SCMP_ACT_ERRNO"} ') }), false],
  ];
  for (const [what, other, expected] of cases) {
    it(`compares a manifest with one that has ${what}`, () =>
      assert.equal(isSameManifest(pack(), other, new Set([source])), expected));
  }
});
