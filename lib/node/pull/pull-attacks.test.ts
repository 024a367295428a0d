import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Artifact } from '#lib/artifact/artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { seccompOf } from '#lib/profile/profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { Digest } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { ReadTarget, Target } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import type { PullPolicy } from './pull-dependencies.ts';
import { pullProfile } from './pull-profile.ts';

const reference = parseReference('registry.example.com/security/nginx:v1');

/** A registry that changes its mind, or its bytes, during a pull. */
describe('a pull from a registry that', () => {
  let policy: PullPolicy;
  let target: Target;
  let good: Artifact;
  let evil: Artifact;
  before(async () => {
    const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    policy = policyOf(signer);
    target = memoryRepository();
    good = packed('SCMP_ACT_ERRNO');
    evil = packed('SCMP_ACT_ALLOW');
    const signature = packSignature(good.descriptor, await signArtifact(good.descriptor, signer));
    await pushArtifact(target, good, signature, 'v1');
    await pushArtifact(target, evil, undefined, undefined);
  });

  function policyOf({ key: { publicKey } }: KeySigner): PullPolicy {
    return {
      source: 'policy.yaml',
      rules: [{ match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey }] }] }],
      limits: defaultPublicationLimits,
      revision: 'r',
    };
  }

  function packed(defaultAction: SeccompProfile['defaultAction']): Artifact {
    return packArtifact({ kind: 'Seccomp', seccomp: { defaultAction } }, { layout: 'runtime' });
  }

  const pull = (from: ReadTarget) => pullProfile({ reference, kind: 'Seccomp' }, { policy, connect: () => from });

  /** Gives the bytes of one content for another's digest. */
  function swapped(asked: Digest, served: { readonly descriptor: Artifact['descriptor'] }): ReadTarget {
    return {
      ...target,
      fetch: (descriptor, options) =>
        target.fetch(descriptor.digest === asked ? { ...served.descriptor } : descriptor, options),
    };
  }

  it('moves the tag once it was resolved gives what the tag said then', async () => {
    const moving: ReadTarget = {
      ...target,
      async resolve(tagOrDigest) {
        const resolved = await target.resolve(tagOrDigest);
        await target.tag(evil.descriptor, 'v1');
        return resolved;
      },
    };
    const { descriptor, profile } = await pull(moving);
    assert.equal(descriptor.digest, good.descriptor.digest);
    assert.equal(seccompOf(profile).defaultAction, 'SCMP_ACT_ERRNO');
    await assert.rejects(pull(target), { kind: 'SignatureInvalid', message: /is not signed/ });
    await target.tag(good.descriptor, 'v1');
  });

  it('gives another manifest for the digest that is signed is refused', async () => {
    await assert.rejects(pull(swapped(good.descriptor.digest, evil)), { message: new RegExp(good.descriptor.digest) });
  });

  it('gives another layer for the digest in the manifest is refused', async () => {
    const [, mine] = good.blobs;
    const [, theirs] = evil.blobs;
    assert.ok(mine !== undefined && theirs !== undefined);
    await assert.rejects(pull(swapped(mine.descriptor.digest, theirs)), {
      message: new RegExp(mine.descriptor.digest),
    });
  });

  it('resolves to a manifest whose size it gets wrong is refused', async () => {
    for (const difference of [-1, 1, 1_000_000_000]) {
      const wrong: ReadTarget = {
        ...target,
        resolve: async () => ({ ...good.descriptor, size: good.descriptor.size + difference }),
      };
      await assert.rejects(pull(wrong), (error: Error) => /size|bytes|length|digest|cut|limit/i.test(error.message));
    }
  });

  it('lists the signature of another artifact as this one’s is refused', async () => {
    await target.tag(evil.descriptor, 'v1');
    const lying: ReadTarget = { ...target, referrers: () => target.referrers(good.descriptor) };
    await assert.rejects(pull(lying), { kind: 'SignatureInvalid', message: /is not signed/ });
    await target.tag(good.descriptor, 'v1');
  });
});
