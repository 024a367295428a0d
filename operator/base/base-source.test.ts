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

/** A registry that never answers, and how often it was asked. */
function silentSource() {
  const target = memoryRepository();
  let asked = 0;
  const hang = (_reference: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<never> => {
    asked++;
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  };
  const source = new BaseSource({
    policy: { current: policy },
    connect: () => ({ ...target, resolve: hang, fetch: async () => assert.fail(), referrers: async () => [] }),
    pullWithin: 50,
  });
  return { source, asked: () => asked };
}

function sourceOf(current = policy) {
  const target = memoryRepository();
  const asked: string[] = [];
  const connect = ({ repository }: { readonly repository: string }) => {
    asked.push(repository);
    return target;
  };
  return { target, asked, source: new BaseSource({ policy: { current }, connect }) };
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
    const none = sourceOf({ ...policy, rules: [] });
    await assert.rejects(none.source.pull(reference), { kind: 'NotAllowed' });
    assert.deepEqual(none.asked, []);
  });

  it('gives up on a registry that does not answer, and does not ask it again for the next profiles', async () => {
    const { source, asked } = silentSource();
    await assert.rejects(source.pull(reference), { kind: 'Unavailable', message: /nginx.*: no answer within 0.05 s/ });
    for (let i = 0; i < 100; i++) await assert.rejects(source.pull(reference), { kind: 'Unavailable' });
    assert.equal(asked(), 1);
  });
});
