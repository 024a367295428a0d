import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { readProfile } from '#lib/profile/read-profile';
import { parseReference } from '#lib/registry/reference';
import { PullMemory } from './pull-memory.ts';
import type { PulledProfile } from './pulled-profile.ts';

/** A pulled profile, of half a mebibyte by default. */
function pulled(title: string, bytes = 512 * 1024): PulledProfile {
  const content = Buffer.from('{"defaultAction": "SCMP_ACT_ERRNO"}'.padEnd(bytes));
  const profile = readProfile(content);
  const artifact = packArtifact(profile, { layout: 'runtime', content, title });
  const { descriptor } = artifact;
  const reference = parseReference(`localhost/a@${descriptor.digest}`);
  const verification = { rule: '**', unsigned: true, signatures: [] };
  return { reference, descriptor, profile, artifact, verification, cached: false };
}

describe('pull memory', () => {
  it('forgets what was not asked for the longest, where all would take more than two mebibytes', () => {
    const memory = new PullMemory();
    for (const key of ['a', 'b', 'c']) memory.remember(key, pulled(key));
    assert.ok(memory.recall('a'));
    memory.remember('d', pulled('d'));
    const held = () => ['a', 'b', 'c', 'd', 'e'].filter((key) => memory.recall(key) !== undefined);
    assert.deepEqual(held(), ['a', 'c', 'd']);
    for (let again = 0; again < 10; again++) memory.remember('d', pulled('d'));
    assert.deepEqual(held(), ['a', 'c', 'd'], 'the same again takes no more');
    memory.remember('e', pulled('e'));
    assert.deepEqual(held(), ['c', 'd', 'e']);
  });

  it('keeps what it has where something is too large to be remembered', () => {
    const memory = new PullMemory({ bytes: 1024 * 1024 });
    memory.remember('a', pulled('a'));
    memory.remember('large', {
      ...pulled('large'),
      artifact: { ...pulled('large').artifact, manifestBytes: Buffer.alloc(2_000_000) },
    });
    assert.equal(memory.recall('large'), undefined);
    assert.ok(memory.recall('a'));
  });

  it('counts the objects of small artifacts, which take more than their bytes', () => {
    const memory = new PullMemory({ bytes: 64 * 1024 });
    const keys = Array.from({ length: 64 }, (_, index) => String(index));
    for (const key of keys) memory.remember(key, pulled(key, 100));
    assert.equal(keys.filter((key) => memory.recall(key) !== undefined).length, 7);
  });

  it('lets no caller join a flight that all have left, though it goes on', async () => {
    const memory = new PullMemory();
    const never = new Promise<PulledProfile>(() => undefined);
    const given = new AbortController();
    const first = memory.flights.join('key', given.signal, () => never);
    given.abort(new Error('enough'));
    await assert.rejects(first.result, { message: 'enough' });
    const second = memory.flights.join('key', undefined, async () => pulled('a'));
    assert.equal(second.joined, false);
    assert.equal((await second.result).cached, false);
  });
});
