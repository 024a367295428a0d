import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Digest } from '#lib/registry/digest';
import type { Repository } from '#lib/registry/target';
import { allowing, common, counted, lax, put, refused, repository, stranger, strict } from '#test/support/publication';
import type { PublishRequest } from './publication.ts';
import { publish } from './publish.ts';
import { isUnchanged } from './publish-many.ts';
import { loosens, notCompared } from './refused-publication.ts';

/** A profile that permits no call. */
const nothing = new TextEncoder().encode('{"defaultAction":"SCMP_ACT_ERRNO"}');

describe('publish a profile of an image with failOn', () => {
  let target: Repository & { writes: string[] };
  let subject: Digest;
  beforeEach(async () => {
    target = counted();
    subject = (await put(target, allowing('write'), { reference: repository })).reference.digest;
  });
  const attach = (bytes: Uint8Array, request: Partial<PublishRequest> = {}, by?: typeof stranger) =>
    put(target, bytes, { reference: repository, subject, failOn: 'loosened', ...request }, by);

  it('takes the first one as new, whatever others attach, and again as unchanged', async () => {
    await attach(strict, {}, stranger);
    const unsigned = { reference: repository, subject };
    await publish(allowing('close'), unsigned, { ...common, signer: undefined, target });
    const first = await attach(lax);
    assert.deepEqual(first.comparisons, []);
    assert.equal(loosens(first), false);
    const failing = { reference: repository, subject, failOn: 'loosened' } as const;
    assert.equal(notCompared(first, failing), 'no Seccomp profile that verifies is attached to the image');
    const again = await attach(lax);
    assert(isUnchanged(again));
    assert.equal(notCompared(again, failing), undefined);
  });

  it('refuses a later one that permits more than what is attached, and sends nothing', async () => {
    const first = await attach(strict);
    target.writes.length = 0;
    await assert.rejects(
      attach(lax),
      refused(/permits what registry\.example\.com\/security\/nginx@sha256:\w+ does not: ptrace$/),
    );
    assert.deepEqual(target.writes, []);
    const second = await attach(nothing);
    assert.deepEqual(second.comparisons[0]?.reference, first.reference);
    await assert.rejects(attach(lax, { reference: { ...repository, tag: 'prof' } }), refused(/does not: ptrace$/));
  });

  it('compares with the newest one, or with each that may be', async () => {
    const at = (day: number) => ({ created: new Date(Date.UTC(2026, 0, day)) });
    const version = (text: string) => ({ annotations: { 'org.opencontainers.image.version': text } });
    const sides: readonly (readonly [older: Partial<PublishRequest>, newer: Partial<PublishRequest>])[] = [
      [at(1), at(2)],
      [version('1.0.0'), version('1.1.0')],
    ];
    for (const [older, newer] of sides) {
      target = counted();
      subject = (await put(target, allowing('write'), { reference: repository })).reference.digest;
      await attach(lax, older);
      await attach(strict, newer);
      await assert.rejects(attach(lax), refused(/does not: ptrace$/));
      const review = await attach(lax, { ...newer, failOn: undefined, title: 'reviewed' });
      assert.equal(review.comparisons.length, 1);
    }
    // Which of two is newer is not known, so that neither may be loosened.
    target = counted();
    subject = (await put(target, allowing('write'), { reference: repository })).reference.digest;
    await attach(lax);
    await attach(strict);
    await assert.rejects(attach(lax, { title: 'lax.json' }), refused(/does not: ptrace$/));
    assert.equal((await attach(nothing)).comparisons.length, 2);
  });

  it('is not compared with a profile of another image, or of another kind', async () => {
    await attach(strict);
    const other = (await put(target, allowing('open'), { reference: repository })).reference.digest;
    assert.deepEqual((await attach(lax, { subject: other })).comparisons, []);
    const apparmor = new TextEncoder().encode('{"capability":{"allowedCapabilities":["chown"]}}');
    assert.deepEqual((await attach(apparmor)).comparisons, []);
  });

  it('signs no looser profile that was attached unsigned before', async () => {
    await attach(strict);
    await publish(lax, { reference: repository, subject }, { ...common, signer: undefined, target });
    await assert.rejects(attach(lax), refused(/does not: ptrace$/));
  });

  it('cannot decide without a policy if a keyless signer cannot verify what is attached', async () => {
    const blind = { ...stranger, requirements: async () => undefined };
    const publishBlind = (bytes: Uint8Array) =>
      publish(bytes, { reference: repository, subject, failOn: 'loosened' }, { ...common, signer: blind, target });
    await publishBlind(strict);
    await publishBlind(strict);
    await assert.rejects(publishBlind(lax), refused(/cannot decide .*: there is neither a policy nor a signer/));
  });
});
