import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fetchArtifact } from '#lib/artifact/fetch-artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { profileContent } from '#lib/artifact/profile-content';
import { pushBlobs } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { memoryRepository } from '#lib/registry/memory';
import { formatReference, parseReference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Rule, TrustPolicy } from '#lib/trust/policy/policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { fetchSignatures } from '#lib/trust/verify/fetch-signatures';
import { publish } from './publish.ts';

const profile = new TextEncoder().encode(
  '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}\n',
);
const reference = parseReference('registry.example.com/security/nginx:1.27');
const clock = (): Date => new Date('2026-01-02T03:04:05Z');
const newSigner = async (): Promise<KeySigner> => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
const signer = await newSigner();
const stranger = await newSigner();

/** A repository in memory that notes what is written, and in which order. */
function recordingRepository(): { target: Repository; calls: string[] } {
  const memory = memoryRepository();
  const calls: string[] = [];
  const target: Repository = {
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

/** A policy with one rule, by default for everything in this test's registry. */
function policyOf(rule: Partial<Rule> & Pick<Rule, 'require' | 'unsigned'>): TrustPolicy {
  return {
    source: 'policy.yaml',
    rules: [{ match: 'registry.example.com/**', ...rule }],
    revision: '1',
  };
}

const askingFor = (...signers: readonly KeySigner[]): TrustPolicy =>
  policyOf({
    unsigned: false,
    require: signers.map(({ key: { publicKey } }, at) => ({ anyOf: [{ key: `${at}.pub`, publicKey }] })),
  });

describe('publish', () => {
  it('stores the profile byte for byte and returns the pinned reference', async () => {
    const { target } = recordingRepository();
    const published = await publish(
      profile,
      { reference },
      { target, signer, clock, limits: defaultPublicationLimits },
    );
    assert.equal(
      formatReference(published.reference),
      `registry.example.com/security/nginx@${published.reference.digest}`,
    );
    const resolved = await target.resolve('1.27');
    assert.equal(resolved.digest, published.reference.digest);
    assert.deepEqual(
      Buffer.from(profileContent(await fetchArtifact(target, resolved, defaultPublicationLimits))),
      Buffer.from(profile),
    );
  });

  it('writes the tag last, after the signature', async () => {
    const { target, calls } = recordingRepository();
    const {
      artifact: { descriptor },
      signature,
    } = await publish(profile, { reference }, { target, signer, clock, limits: defaultPublicationLimits });
    assert.equal(calls.at(-1), `tag 1.27 ${descriptor.digest}`);
    assert.ok(calls.indexOf(`push ${signature}`) > calls.indexOf(`push ${descriptor.digest}`));
    assert.deepEqual(
      (await fetchSignatures(target, descriptor)).map(({ manifest }) => manifest),
      [signature],
    );
  });

  it('stores the signature in the legacy form if requested', async () => {
    const { target, calls } = recordingRepository();
    const {
      artifact: { descriptor },
      signature,
    } = await publish(
      profile,
      { reference, signatureFormat: 'legacy' },
      { target, signer, clock, limits: defaultPublicationLimits },
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
      { target, signer: opening.promise, clock, limits: defaultPublicationLimits },
    );
    await new Promise(setImmediate);
    const ahead = [...calls];
    assert.equal(ahead.length, 2);
    opening.resolve(signer);
    const {
      artifact: { descriptor },
      signature,
    } = await publishing;
    assert.ok(!ahead.includes(`push ${descriptor.digest}`));
    assert.ok(calls.includes(`push ${signature}`));
  });

  it('sends no manifest if the key cannot be opened', async () => {
    const { target } = recordingRepository();
    const wrong = Promise.reject(new FairleadError('InvalidInput', 'the passphrase is wrong'));
    const artifact = await publish(
      profile,
      { reference },
      { target: memoryRepository(), clock, limits: defaultPublicationLimits },
    );
    await assert.rejects(
      publish(profile, { reference }, { target, signer: wrong, clock, limits: defaultPublicationLimits }),
      {
        kind: 'InvalidInput',
      },
    );
    await assert.rejects(target.resolve('1.27'), { kind: 'NotFound' });
    assert.equal(await target.exists(artifact.artifact.descriptor), false);
  });

  it('leaves no tag behind if the signature cannot be stored', async () => {
    const { target, calls } = recordingRepository();
    const failing: Repository = {
      ...target,
      push: async (descriptor, content, options) => {
        if (descriptor.artifactType?.includes('sigstore'))
          throw new FairleadError('Unavailable', 'the registry went away');
        return target.push(descriptor, content, options);
      },
    };
    await assert.rejects(
      publish(profile, { reference }, { target: failing, signer, clock, limits: defaultPublicationLimits }),
      {
        kind: 'Unavailable',
      },
    );
    assert.ok(calls.length > 0);
    await assert.rejects(target.resolve('1.27'), { kind: 'NotFound' });
  });

  it('sends nothing that names the artifact before the artifact is there', async () => {
    const { target, calls } = recordingRepository();
    const slow: Repository = {
      ...target,
      push: async (descriptor, content, options) => {
        const isArtifact = descriptor.artifactType !== undefined && !descriptor.artifactType.includes('sigstore');
        for (let turn = 0; isArtifact && turn < 20; turn++) await new Promise(setImmediate);
        await target.push(descriptor, content, options);
      },
    };
    const {
      artifact: { descriptor },
      signature,
    } = await publish(profile, { reference }, { target: slow, signer, clock, limits: defaultPublicationLimits });
    const sent = calls.indexOf(`push ${descriptor.digest}`);
    assert.ok(sent >= 0 && sent < calls.indexOf(`push ${signature}`));
  });

  it('fails at once, and only once, if the manifest is refused while the signature is being made', async () => {
    const { target } = recordingRepository();
    const refusing: Repository = {
      ...target,
      push: async (descriptor, content, options) => {
        if (descriptor.artifactType !== undefined) throw new FairleadError('Unauthenticated', 'no manifests from you');
        return target.push(descriptor, content, options);
      },
    };
    const signing = Promise.withResolvers<Uint8Array>();
    const slow = { ...signer, sign: () => signing.promise };
    await assert.rejects(
      publish(profile, { reference }, { target: refusing, signer: slow, clock, limits: defaultPublicationLimits }),
      { kind: 'Unauthenticated' },
    );
    signing.resolve(new Uint8Array(64));
    await new Promise(setImmediate); // an unhandled rejection would end the test here
  });

  it('returns the same digest for the same bytes, and another one for another time', async () => {
    const digestWith = async (created?: Date) => {
      const dependencies = { target: memoryRepository(), signer, clock, limits: defaultPublicationLimits };
      return (await publish(profile, { reference, created }, dependencies)).reference.digest;
    };
    assert.equal(await digestWith(), await digestWith());
    assert.notEqual(await digestWith(), await digestWith(new Date(0)));
  });

  it('publishes without a signature or a tag if none is given', async () => {
    const { target, calls } = recordingRepository();
    const untagged = parseReference('registry.example.com/security/nginx');
    const {
      artifact: { descriptor },
      signature,
    } = await publish(profile, { reference: untagged }, { target, clock, limits: defaultPublicationLimits });
    assert.equal(signature, undefined);
    assert.deepEqual(await fetchSignatures(target, descriptor), []);
    assert.ok(!calls.some((call) => call.startsWith('tag')));
  });

  it('sends nothing that is not allowed or not valid', async () => {
    const { target, calls } = recordingRepository();
    const dependencies = { target, signer, clock, limits: defaultPublicationLimits };
    const elsewhere = policyOf({ match: 'other.example.com/**', unsigned: true, require: [] });
    await assert.rejects(publish(profile, { reference }, { ...dependencies, policy: elsewhere }), {
      kind: 'NotAllowed',
    });
    const notify = new TextEncoder().encode('{"defaultAction": "SCMP_ACT_NOTIFY"}');
    await assert.rejects(publish(notify, { reference }, dependencies), { kind: 'ProfileInvalid' });
    const unloadable = new TextEncoder().encode('{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4095}');
    await assert.rejects(publish(unloadable, { reference }, dependencies), {
      kind: 'ProfileInvalid',
      message: /refuse this profile: at \/defaultErrnoRet: 4095 is above 4094/,
      hint: /fairlead lint FILE/,
    });
    await assert.rejects(publish(new TextEncoder().encode('{'), { reference }, dependencies), {
      kind: 'ProfileInvalid',
    });
    const pinned = parseReference(`registry.example.com/security/nginx@sha256:${'0'.repeat(64)}`);
    await assert.rejects(publish(profile, { reference: pinned }, dependencies), { kind: 'InvalidInput' });
    const reserved = parseReference(`registry.example.com/security/nginx:sha256-${'0'.repeat(64)}`);
    await assert.rejects(publish(profile, { reference: reserved }, dependencies), { kind: 'InvalidInput' });
    assert.deepEqual(calls, []);
  });

  describe('under a policy', () => {
    const dependencies = { signer, clock, limits: defaultPublicationLimits };

    it('reads back what it sent before it writes the tag, and reports why it is admitted', async () => {
      const { target, calls } = recordingRepository();
      const fetch: Repository['fetch'] = (descriptor, options) => {
        calls.push(`fetch ${descriptor.digest}`);
        return target.fetch(descriptor, options);
      };
      const {
        artifact: { descriptor },
        signature,
        verification,
      } = await publish(
        profile,
        { reference },
        { ...dependencies, target: { ...target, fetch }, policy: askingFor(signer) },
      );
      assert.deepEqual(
        verification?.signatures.map(({ manifest, key }) => [manifest, key]),
        [[signature, '0.pub']],
      );
      const readBack = calls.indexOf(`fetch ${signature}`);
      assert.ok(readBack > calls.indexOf(`push ${signature}`));
      assert.ok(calls.includes(`fetch ${descriptor.digest}`));
      assert.deepEqual(calls.slice(-1), [`tag 1.27 ${descriptor.digest}`]);
    });

    it('reads back when the list of referrers is at rest, and tags it then', async () => {
      const { target, calls } = recordingRepository();
      const watching: Repository = {
        ...target,
        push: async (descriptor, content, options) => {
          await target.push(descriptor, content, options);
          if (!descriptor.artifactType?.includes('sigstore')) return;
          await new Promise(setImmediate);
          calls.push('at rest');
        },
        fetch: (descriptor, options) => {
          calls.push(`fetch ${descriptor.digest}`);
          return target.fetch(descriptor, options);
        },
      };
      const {
        artifact: { descriptor },
        signature,
      } = await publish(profile, { reference }, { ...dependencies, target: watching, policy: askingFor(signer) });
      const after = calls.slice(calls.indexOf('at rest') + 1);
      assert.ok(after.includes(`fetch ${signature}`), calls.join('\n'));
      assert.equal(after.at(-1), `tag 1.27 ${descriptor.digest}`);
    });

    it('tags nothing if the list of referrers does not come to rest', async () => {
      const { target, calls } = recordingRepository();
      const restless: Repository = {
        ...target,
        push: async (descriptor, content, options) => {
          await target.push(descriptor, content, options);
          if (descriptor.artifactType?.includes('sigstore')) throw new FairleadError('Conflict', 'others change it');
        },
      };
      const publishing = publish(
        profile,
        { reference },
        { ...dependencies, target: restless, policy: askingFor(signer) },
      );
      await assert.rejects(publishing, { kind: 'Conflict' });
      assert.ok(!calls.some((call) => call.startsWith('tag')), calls.join('\n'));
    });

    it('tags nothing if the signature that was sent is not among the referrers', async () => {
      const { target, calls } = recordingRepository();
      const forgetful: Repository = { ...target, referrers: async () => [] };
      const publishing = publish(
        profile,
        { reference },
        { ...dependencies, target: forgetful, policy: askingFor(signer) },
      );
      await assert.rejects(publishing, { kind: 'SignatureInvalid', summary: /^sent, but not tagged: / });
      assert.ok(!calls.some((call) => call.startsWith('tag')), calls.join('\n'));
    });

    it('does not move the tag if the policy requires another key, with or without a signature', async () => {
      const { target } = recordingRepository();
      const before = await publish(profile, { reference }, { ...dependencies, target });
      const changed = Buffer.from(Buffer.from(profile).toString().replace('write', 'writev'));
      for (const signedBy of [signer, undefined]) {
        await assert.rejects(
          publish(changed, { reference }, { ...dependencies, target, signer: signedBy, policy: askingFor(stranger) }),
          {
            kind: 'SignatureInvalid',
            summary: /^sent, but not tagged: no signature of registry\.example\.com\/security\/nginx@sha256:/,
          },
        );
      }
      assert.equal((await target.resolve('1.27')).digest, before.reference.digest);
    });

    it('counts the signatures that were there before', async () => {
      const { target } = recordingRepository();
      await publish(profile, { reference: { ...reference, tag: 'staging' } }, { ...dependencies, target });
      const both = { target, policy: askingFor(signer, stranger) };
      await assert.rejects(publish(profile, { reference }, { ...dependencies, ...both }), { kind: 'SignatureInvalid' });
      const { verification } = await publish(profile, { reference }, { ...dependencies, ...both, signer: stranger });
      assert.equal(verification?.signatures.length, 2);
      const unsigned = await publish(profile, { reference }, { ...dependencies, ...both, signer: undefined });
      assert.equal(unsigned.verification?.signatures.length, 2);
    });

    it('writes the tag of what may be unsigned last as well', async () => {
      const { target, calls } = recordingRepository();
      const policy = policyOf({ unsigned: true, require: [] });
      const {
        artifact: { descriptor },
      } = await publish(profile, { reference }, { ...dependencies, target, signer: undefined, policy });
      assert.deepEqual(calls.slice(-2), [`push ${descriptor.digest}`, `tag 1.27 ${descriptor.digest}`]);
    });

    it('tags nothing that the registry returns differently from what was sent', async () => {
      const { target } = recordingRepository();
      const other = packArtifact(readProfile(profile), { layout: 'runtime', title: 'other.json' });
      await pushBlobs(target, other);
      const fetch: Repository['fetch'] = ({ mediaType, ...rest }, options) =>
        target.fetch(
          mediaType === other.manifest.layers[0]?.mediaType
            ? (other.blobs[0]?.descriptor ?? assert.fail())
            : { mediaType, ...rest },
          options,
        );
      await assert.rejects(
        publish(profile, { reference }, { ...dependencies, target: { ...target, fetch }, policy: askingFor(signer) }),
        /sent, but not tagged/,
      );
      await assert.rejects(target.resolve('1.27'), { kind: 'NotFound' });
    });
  });
});
