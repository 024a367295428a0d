import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { digestOf } from './digest.ts';
import { isTag } from './reference.ts';
import { referrersTag } from './remote/referrers-tag.ts';
import { isReservedTag, refuseReservedTag } from './reserved-tag.ts';

describe('a reserved tag', () => {
  it('is every tag under which referrers, signatures and attestations of a digest are kept', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const [sha256, sha512] = [digestOf(bytes), digestOf(bytes, 'sha512')];
        for (const tag of [referrersTag(sha256), referrersTag(sha512)]) assert.equal(isReservedTag(tag), true, tag);
        for (const suffix of ['sig', 'att', 'sbom']) assert.ok(isReservedTag(`${referrersTag(sha256)}.${suffix}`));
      }),
    );
  });

  it('is a tag of any registered algorithm, truncated or whole, in any letter case, with any suffix', () => {
    const [short, long] = ['0'.repeat(64), '0'.repeat(120)];
    for (const tag of [
      `sha256-${short}`,
      `sha256-${short}.sig`,
      `sha256-${short}.sbom`,
      `sha256-${short}.cosign.v1`,
      `SHA256-${'AB'.repeat(32)}`,
      `sha384-${createHash('sha384').digest('hex')}`,
      `sha512-${short}`,
      `sha512-${long}`,
      `sha512-${short}.sig`,
      `blake3-${short}`,
    ]) {
      assert.ok(isTag(tag), tag);
      assert.equal(isReservedTag(tag), true, tag);
      assert.throws(() => refuseReservedTag(tag), {
        kind: 'InvalidInput',
        message: new RegExp(`^tag ${tag} is reserved`),
      });
    }
  });

  it('is not a tag that users choose', () => {
    const hex = '0'.repeat(64);
    for (const tag of ['v1', 'sha256-abc', `sha256-${hex}0`, `sha256-${hex.slice(1)}`, `xsha256-${hex}`, `main-${hex}`])
      assert.equal(isReservedTag(tag), false, tag);
    for (const tag of ['v1', undefined]) assert.doesNotThrow(() => refuseReservedTag(tag));
  });
});
