import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { memoryRepository } from '#lib/registry/memory';
import type { Policy } from '#lib/trust/policy/node-policy';
import { allowing, put, reference, signer, stranger } from '#test/support/publication';
import { BaseSource } from './base-source.ts';

const policy = {
  source: 'policy.yaml',
  revision: '1',
  limits: defaultPublicationLimits,
  rules: [
    {
      match: 'registry.example.com/security/**',
      unsigned: false,
      require: [{ anyOf: [{ key: 'a.pub', publicKey: signer.key.publicKey }] }],
    },
  ],
} satisfies Partial<Policy> as unknown as Policy;

function sourceOf(current: Policy | 'none' = policy) {
  const target = memoryRepository();
  const asked: string[] = [];
  const connect = ({ repository }: { readonly repository: string }) => {
    asked.push(repository);
    return target;
  };
  return { target, asked, source: new BaseSource({ policy: current === 'none' ? undefined : { current }, connect }) };
}

describe('BaseSource', () => {
  it('returns what a tag holds now, with its digest', async () => {
    const { target, source } = sourceOf();
    const names: (readonly string[])[] = [['read'], ['read', 'bind']];
    for (const each of names) {
      const published = await put(target, allowing(...each));
      const { profile, pinned } = await source.pull(reference);
      assert.deepEqual(profile.syscalls?.[0]?.names, each);
      assert.equal(pinned, `registry.example.com/security/nginx@${published.reference.digest}`);
    }
  });

  it('refuses what the policy does not allow, and asks no registry without a rule', async () => {
    const { target, source } = sourceOf();
    await put(target, allowing('read'), {}, stranger);
    await assert.rejects(source.pull(reference), { kind: 'SignatureInvalid' });
    for (const none of [sourceOf('none'), sourceOf({ ...policy, rules: [] })]) {
      await assert.rejects(none.source.pull(reference), { kind: 'NotAllowed' });
      assert.deepEqual(none.asked, []);
    }
  });
});
