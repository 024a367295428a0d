import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readProfile } from '#lib/profile/read-profile';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parseManifest } from '#lib/registry/manifest';
import { type PackOptions, packArtifact } from './pack-artifact.ts';

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
