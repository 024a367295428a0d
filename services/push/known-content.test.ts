import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { memoryRepository } from '#lib/registry/memory';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { attachSignature } from '#lib/trust/sign/attach-signature';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { publish } from './publish.ts';

const bytes = new TextEncoder().encode('{"defaultAction": "SCMP_ACT_ERRNO"}');
const reference = { registry: 'registry.example.com', repository: 'security/nginx', tag: '1' };
const newSigner = async (): Promise<KeySigner> => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
const signer = await newSigner();
const other = await newSigner();
const requires = (...signers: readonly KeySigner[]) => ({
  source: 'policy.yaml',
  revision: '1',
  rules: [
    {
      match: '**',
      unsigned: false,
      require: signers.map(({ key: { publicKey } }, at) => ({ anyOf: [{ key: `${at}.pub`, publicKey }] })),
    },
  ],
});

/** A repository that confirms what was pushed, and records what is fetched and whose referrers. */
function confirming() {
  const memory = memoryRepository();
  const pushed = new Set<string>();
  const fetched: string[] = [];
  const listed: string[] = [];
  const target: Repository & { hasConfirmed(descriptor: { digest: string }): boolean } = {
    ...memory,
    push: async (descriptor, content, options) => {
      await memory.push(descriptor, content, options);
      pushed.add(descriptor.digest);
    },
    fetch: (descriptor, options) => {
      fetched.push(descriptor.digest);
      return memory.fetch(descriptor, options);
    },
    referrers: (subject, options) => {
      listed.push(subject.digest);
      return memory.referrers(subject, options);
    },
    hasConfirmed: ({ digest }) => pushed.has(digest),
  };
  return { target, fetched, listed };
}
const dependencies = { signer, limits: defaultPublicationLimits, clock: () => new Date(0) };

describe('publish to a repository that confirms digests', () => {
  it('verifies what was confirmed without reading it back', async () => {
    const { target, fetched, listed } = confirming();
    const { verification } = await publish(bytes, { reference }, { ...dependencies, target, policy: requires(signer) });
    assert.equal(verification?.signatures.length, 1);
    assert.deepEqual(fetched, []);
    assert.equal(listed.length, 1, 'once, before it is signed');
    const again = await publish(bytes, { reference }, { ...dependencies, target, policy: requires(signer) });
    assert.ok(again.alreadySigned);
    assert.equal(fetched.length, 2, 'the signature: its manifest and its bundle');
    assert.equal(listed.length, 2, 'once more');
  });

  it('tags nothing that the policy does not accept', async () => {
    const { target } = confirming();
    await assert.rejects(publish(bytes, { reference }, { ...dependencies, target, policy: requires(other) }), {
      kind: 'SignatureInvalid',
    });
    await assert.rejects(target.resolve('1'), { kind: 'NotFound' });
  });

  it('finds the signatures of others, if the policy requires them', async () => {
    const { target } = confirming();
    const policy = requires(signer, other);
    await assert.rejects(publish(bytes, { reference }, { ...dependencies, target, policy }), {
      kind: 'SignatureInvalid',
    });
    const { artifact } = await publish(bytes, { reference: { ...reference, tag: '2' } }, { ...dependencies, target });
    await attachSignature(target, { descriptor: artifact.descriptor, reference, signer: other, format: 'legacy' });
    await publish(bytes, { reference }, { ...dependencies, target, policy });
    assert.equal((await target.resolve('1')).digest, artifact.descriptor.digest);
  });
});
