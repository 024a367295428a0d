import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fetchArtifact } from '#lib/artifact/fetch-artifact';
import { profileContent } from '#lib/artifact/profile-content';
import { FairleadError } from '#lib/errors';
import { memoryRepository } from '#lib/registry/memory';
import { formatReference, parseReference } from '#lib/registry/reference';
import type { Target } from '#lib/registry/target';
import { fetchSignatures } from '#lib/trust/fetch-signatures';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/key';
import { defaultLimits } from '#lib/trust/policy';
import { publish } from './publish.ts';

const profile = new TextEncoder().encode(
  '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}\n',
);
const reference = parseReference('registry.example.com/security/nginx:1.27');
const clock = (): Date => new Date('2026-01-02T03:04:05Z');
const signer = await loadPrivateKey((await generateKeyPair()).privateKey);

/** A repository in memory that notes what is written, and in which order. */
function recordingRepository(): { target: Target; calls: string[] } {
  const memory = memoryRepository();
  const calls: string[] = [];
  const target: Target = {
    ...memory,
    push: (descriptor, content, options) => {
      calls.push(`push ${descriptor.digest}`);
      return memory.push(descriptor, content, options);
    },
    tag: (descriptor, tag, options) => {
      calls.push(`tag ${tag} ${descriptor.digest}`);
      return memory.tag(descriptor, tag, options);
    },
  };
  return { target, calls };
}

describe('publish', () => {
  it('stores the profile byte for byte and gives the pinned reference', async () => {
    const { target } = recordingRepository();
    const published = await publish(profile, { reference }, { target, signer, clock, limits: defaultLimits });
    assert.equal(
      formatReference(published.reference),
      `registry.example.com/security/nginx@${published.descriptor.digest}`,
    );
    const resolved = await target.resolve('1.27');
    assert.equal(resolved.digest, published.descriptor.digest);
    assert.deepEqual(
      Buffer.from(profileContent(await fetchArtifact(target, resolved, defaultLimits))),
      Buffer.from(profile),
    );
  });

  it('writes the tag last, after the signature', async () => {
    const { target, calls } = recordingRepository();
    const { descriptor, signature } = await publish(
      profile,
      { reference },
      { target, signer, clock, limits: defaultLimits },
    );
    assert.equal(calls.at(-1), `tag 1.27 ${descriptor.digest}`);
    assert.ok(calls.indexOf(`push ${signature}`) > calls.indexOf(`push ${descriptor.digest}`));
    assert.deepEqual(
      (await fetchSignatures(target, descriptor)).map(({ manifest }) => manifest),
      [signature],
    );
  });

  it('stores the signature in the legacy form where that is asked for', async () => {
    const { target, calls } = recordingRepository();
    const { descriptor, signature } = await publish(
      profile,
      { reference, signatureFormat: 'legacy' },
      { target, signer, clock, limits: defaultLimits },
    );
    assert.equal(calls.at(-1), `tag 1.27 ${descriptor.digest}`);
    assert.deepEqual(
      (await fetchSignatures(target, descriptor)).map(({ format, manifest }) => [format, manifest]),
      [['legacy', signature]],
    );
  });

  it('sends the blobs while the key is being opened, and no manifest before', async () => {
    const { target, calls } = recordingRepository();
    const opening = Promise.withResolvers<typeof signer>();
    const publishing = publish(
      profile,
      { reference },
      { target, signer: opening.promise, clock, limits: defaultLimits },
    );
    await new Promise(setImmediate);
    const ahead = [...calls];
    assert.equal(ahead.length, 2);
    opening.resolve(signer);
    const { descriptor, signature } = await publishing;
    assert.ok(!ahead.includes(`push ${descriptor.digest}`));
    assert.ok(calls.includes(`push ${signature}`));
  });

  it('sends no manifest where the key does not open', async () => {
    const { target } = recordingRepository();
    const wrong = Promise.reject(new FairleadError('InvalidInput', 'the passphrase is wrong'));
    const artifact = await publish(
      profile,
      { reference },
      { target: memoryRepository(), clock, limits: defaultLimits },
    );
    await assert.rejects(publish(profile, { reference }, { target, signer: wrong, clock, limits: defaultLimits }), {
      kind: 'InvalidInput',
    });
    await assert.rejects(target.resolve('1.27'), { kind: 'NotFound' });
    assert.equal(await target.exists(artifact.descriptor), false);
  });

  it('leaves no tag behind where the signature cannot be stored', async () => {
    const { target, calls } = recordingRepository();
    const failing: Target = {
      ...target,
      push: async (descriptor, content, options) => {
        if (descriptor.artifactType?.includes('sigstore'))
          throw new FairleadError('Unavailable', 'the registry went away');
        return target.push(descriptor, content, options);
      },
    };
    await assert.rejects(publish(profile, { reference }, { target: failing, signer, clock, limits: defaultLimits }), {
      kind: 'Unavailable',
    });
    assert.ok(calls.length > 0);
    await assert.rejects(target.resolve('1.27'), { kind: 'NotFound' });
  });

  it('gives the same digest for the same bytes, and another for another time', async () => {
    const digestWith = async (created?: Date) => {
      const dependencies = { target: memoryRepository(), signer, clock, limits: defaultLimits };
      return (await publish(profile, { reference, created }, dependencies)).descriptor.digest;
    };
    assert.equal(await digestWith(), await digestWith());
    assert.notEqual(await digestWith(), await digestWith(new Date(0)));
  });

  it('publishes without a signature or a tag where none is given', async () => {
    const { target, calls } = recordingRepository();
    const untagged = parseReference('registry.example.com/security/nginx');
    const { descriptor, signature } = await publish(
      profile,
      { reference: untagged },
      { target, clock, limits: defaultLimits },
    );
    assert.equal(signature, undefined);
    assert.deepEqual(await fetchSignatures(target, descriptor), []);
    assert.ok(!calls.some((call) => call.startsWith('tag')));
  });

  it('sends nothing that is not allowed or not valid', async () => {
    const { target, calls } = recordingRepository();
    const dependencies = { target, signer, clock, limits: defaultLimits };
    const authorize = (): void => {
      throw new FairleadError('NotAllowed', 'no rule');
    };
    await assert.rejects(publish(profile, { reference }, { ...dependencies, authorize }), { kind: 'NotAllowed' });
    const notify = new TextEncoder().encode('{"defaultAction": "SCMP_ACT_NOTIFY"}');
    await assert.rejects(publish(notify, { reference }, dependencies), { kind: 'ProfileInvalid' });
    await assert.rejects(publish(new TextEncoder().encode('{'), { reference }, dependencies), {
      kind: 'ProfileInvalid',
    });
    const pinned = parseReference(`registry.example.com/security/nginx@sha256:${'0'.repeat(64)}`);
    await assert.rejects(publish(profile, { reference: pinned }, dependencies), { kind: 'InvalidInput' });
    assert.deepEqual(calls, []);
  });
});
