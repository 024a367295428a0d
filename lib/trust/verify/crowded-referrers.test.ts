import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import type { Target } from '#lib/registry/target';
import { packSignature } from '../signature/pack-signature.ts';
import { signatureLimits } from '../signature/read/signature-limits.ts';
import { fetchSignatures } from './fetch-signatures.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const subject = assembleArtifact(
  { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] },
  [config],
);

describe('a signature among hundreds of referrers that look like one', () => {
  /**
   * A repository with a number of signatures of some size before the good one in the list, and how
   * many were opened.
   */
  async function crowded(count: number, bytes: number) {
    const good = packSignature(subject.descriptor, Buffer.from('the good one'));
    const strangers = Array.from({ length: count }, (_, index) =>
      packSignature(subject.descriptor, Buffer.from(`${index}`.padEnd(bytes))),
    );
    const target = memoryRepository();
    for (const each of [subject, good, ...strangers]) await pushArtifact(target, each, undefined, undefined);
    const opened = { count: 0 };
    const listed = [...strangers, good].map(({ descriptor }) => descriptor);
    const counting: Target = {
      ...target,
      referrers: async () => listed,
      fetch: (descriptor) => {
        if (descriptor.mediaType === mediaTypes.manifest) opened.count++;
        return target.fetch(descriptor);
      },
    };
    const find = async (): Promise<boolean> =>
      (await fetchSignatures(counting, subject.descriptor)).some(({ manifest }) => manifest === good.descriptor.digest);
    return { find, opened };
  }
  const { manifests, moreManifests, moreBytes, moreTime } = signatureLimits;

  it('is found', async () => {
    const { find, opened } = await crowded(moreManifests - 1, 1);
    assert.equal(await find(), true);
    assert.equal(opened.count, moreManifests);
  });

  it('is searched for among a limited number of referrers', async () => {
    const { find, opened } = await crowded(moreManifests, 1);
    assert.equal(await find(), false);
    assert.equal(opened.count, moreManifests);
  });

  it('is looked for until they have taken enough bytes, and among some in any case', async () => {
    const { find, opened } = await crowded(2 * manifests, moreBytes / manifests);
    assert.equal(await find(), false);
    assert.ok(opened.count >= manifests && opened.count < manifests + 16, `${opened.count}`);
  });

  it('is looked for until they have taken enough time, and among some in any case', async () => {
    const { find, opened } = await crowded(2 * manifests, 1);
    let now = 0;
    const clock = mock.method(performance, 'now', () => (now += moreTime + 1));
    try {
      assert.equal(await find(), false);
    } finally {
      clock.mock.restore();
    }
    assert.equal(opened.count, manifests);
  });
});
