import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { type PackOptions, packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { type Digest, digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { parsePlatform } from '#lib/registry/platform';
import { parseReference } from '#lib/registry/reference';
import type { ReadTarget, Target } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { signerPolicy } from '#lib/trust/policy/key-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import type { PullPolicy } from '../pull/pull-dependencies.ts';
import { type FoundProfiles, findProfiles } from './find-profiles.ts';

const seccomp = readProfile(Buffer.from('{"defaultAction":"SCMP_ACT_ERRNO"}'));
const image = parseReference('localhost:5000/acme/web:1');
const config = blob(
  'application/vnd.oci.image.config.v1+json',
  Buffer.from('{"os":"linux","architecture":"arm64","variant":"v8"}'),
);

/** An image of one platform; each seed gives another one. */
function imageOf(seed: string): Artifact {
  const layer = blob(mediaTypes.imageLayer, Buffer.from(seed));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers: [layer.descriptor],
  };
  return assembleArtifact(manifest, [config, layer]);
}

let signer: KeySigner;
let stranger: KeySigner;
before(async () => {
  const key = async () => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  [signer, stranger] = await Promise.all([key(), key()]);
});

function policy(): PullPolicy {
  return { ...signerPolicy({ key: 'a.pub', publicKey: signer.key.publicKey }), limits: defaultPublicationLimits };
}

describe('the profiles of an image', () => {
  let target: Target;
  let web: Artifact;
  beforeEach(async () => {
    target = memoryRepository();
    web = imageOf('web');
    await pushArtifact(target, web, undefined, '1');
  });

  const attach = async (
    subject: Descriptor | undefined,
    options: Partial<PackOptions> = {},
    by: KeySigner = signer,
  ): Promise<Artifact> => {
    const artifact = packArtifact(seccomp, { layout: 'runtime', subject, ...options });
    const signature = packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, by));
    await pushArtifact(target, artifact, signature, undefined);
    return artifact;
  };
  const version = (text: string) => ({ annotations: { 'org.opencontainers.image.version': text } });
  const find = (source: ReadTarget = target, platform?: string): Promise<FoundProfiles> =>
    findProfiles(
      { image, platform: platform === undefined ? undefined : parsePlatform(platform) },
      { policy: policy(), connect: () => source },
    );
  const digestsOf = ({ profiles }: FoundProfiles): Digest[] => profiles.map(({ descriptor }) => descriptor.digest);
  const reasonsOf = ({ refused }: FoundProfiles): string[] => refused.map(({ error }) => error.message);
  /** The repository, whose list of referrers of the image is as given. */
  const listing = (list: (listed: Descriptor[]) => Descriptor[]): ReadTarget => ({
    resolve: (name, options) => target.resolve(name, options),
    fetch: (descriptor, options) => target.fetch(descriptor, options),
    referrers: async (subject, options) => {
      const listed = await target.referrers(subject, options);
      return subject.digest === web.descriptor.digest ? list(listed) : listed;
    },
  });

  it('are those with its digest as their subject and a signature that meets the policy', async () => {
    const own = await attach(web.descriptor, {
      title: 'nginx.json',
      annotations: { 'org.opencontainers.image.version': '1.4.2', 'dev.fairlead.profile.summary': 'for the web' },
    });
    await attach(imageOf('other').descriptor);
    await attach(undefined);
    const found = await find();
    assert.deepEqual(digestsOf(found), [own.descriptor.digest]);
    assert.deepEqual(found.image, { ...image, digest: web.descriptor.digest });
    assert.deepEqual([found.refused, found.unexamined], [[], 0]);
    const [profile] = found.profiles;
    assert.deepEqual(
      [profile?.kind, profile?.name, profile?.version, profile?.summary, profile?.time, profile?.subject],
      ['Seccomp', 'nginx', '1.4.2', 'for the web', undefined, { descriptor: { ...web.descriptor } }],
    );
    assert.deepEqual(profile?.reference, {
      registry: 'localhost:5000',
      repository: 'acme/web',
      digest: own.descriptor.digest,
    });
    assert.equal(profile?.pulled.verification.signatures[0]?.keyFingerprint, signer.key.publicKey.fingerprint);
  });

  it('leave out those without a signature, or by another signer, with the reason', async () => {
    const signed = await attach(web.descriptor, version('1.0.0'));
    await attach(web.descriptor, version('2.0.0'), stranger);
    const bare = packArtifact(seccomp, { layout: 'runtime', subject: web.descriptor, ...version('3.0.0') });
    await pushArtifact(target, bare, undefined, undefined);
    const found = await find();
    assert.deepEqual(digestsOf(found), [signed.descriptor.digest]);
    const reasons = reasonsOf(found).sort();
    assert.equal(reasons.length, 2);
    for (const reason of reasons) assert.match(reason, /localhost:5000\/acme\/web@sha256:\w+/);
    assert.deepEqual(new Set(found.refused.map(({ error }) => error.kind)), new Set(['SignatureInvalid']));
  });

  it('are those of an index and of its platforms, or of one platform', async () => {
    const [amd64, arm64] = [imageOf('amd64'), imageOf('arm64')];
    const entries = [
      { ...amd64.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
      { ...arm64.descriptor, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      { ...imageOf('attestation').descriptor, platform: { os: 'unknown', architecture: 'unknown' } },
    ];
    for (const each of [amd64, arm64]) await pushArtifact(target, each, undefined, undefined);
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries }));
    const index = { mediaType: mediaTypes.index, digest: digestOf(bytes), size: bytes.length };
    await target.push(index, bytes);
    await target.tag(index, '1');
    const forAll = await attach(index, version('1.0.0'));
    const forAmd64 = await attach(amd64.descriptor, version('3.0.0'));
    const forArm64 = await attach(arm64.descriptor, version('2.0.0'));
    await attach(imageOf('attestation').descriptor);

    const found = await find();
    assert.deepEqual(
      digestsOf(found),
      [forAmd64, forArm64, forAll].map(({ descriptor }) => descriptor.digest),
    );
    assert.deepEqual(
      found.profiles.map(({ subject }) => subject.platform?.architecture),
      ['amd64', 'arm64', undefined],
    );
    for (const platform of ['linux/arm64', 'linux/arm64/v8']) {
      assert.deepEqual(
        digestsOf(await find(target, platform)),
        [forArm64, forAll].map(({ descriptor }) => descriptor.digest),
      );
    }
    await assert.rejects(find(target, 'linux/s390x'), {
      kind: 'NotFound',
      message: /acme\/web:1@sha256:\w+ is not for linux\/s390x/,
      hint: 'It is for linux/amd64, linux/arm64/v8.',
    });
  });

  it('are those of an image of one platform, if that is the wanted one', async () => {
    const own = await attach(web.descriptor);
    assert.deepEqual(digestsOf(await find(target, 'linux/arm64')), [own.descriptor.digest]);
    await assert.rejects(find(target, 'linux/amd64'), { kind: 'NotFound', hint: 'It is for linux/arm64/v8.' });
  });

  it('do not include what a list falsely calls a profile of the image', async () => {
    const [own, other] = [await attach(web.descriptor), await attach(imageOf('other').descriptor)];
    const alone = await attach(undefined);
    const found = await find(listing((listed) => [...listed, other.descriptor, alone.descriptor, other.descriptor]));
    assert.deepEqual(digestsOf(found), [own.descriptor.digest]);
    const reasons = reasonsOf(found);
    assert.equal(reasons.length, 2);
    assert.match(reasons[0] ?? '', /is listed as a referrer of sha256:\w+, but its manifest names sha256:\w+ as its/);
    assert.match(reasons[1] ?? '', /is listed as a referrer of sha256:\w+, but its manifest has no subject/);
  });

  it('do not include a signature, an index, or anything else that a list calls a profile', async () => {
    const own = await attach(web.descriptor);
    const [signature] = await target.referrers(own.descriptor);
    assert.ok(signature);
    const type = own.descriptor.artifactType ?? '';
    const found = await find(listing((listed) => [...listed, { ...signature, artifactType: type }]));
    assert.deepEqual(digestsOf(found), [own.descriptor.digest]);
    assert.match(reasonsOf(found).join(), /is a signature or attestation, not a security profile/);
  });

  it('include those that a list has without a type, or with that of an empty config', async () => {
    const own = await attach(web.descriptor);
    const [signature] = await target.referrers(own.descriptor);
    assert.ok(signature);
    for (const artifactType of [undefined, mediaTypes.emptyConfig]) {
      const untyped = ({ mediaType, digest, size }: Descriptor): Descriptor => ({
        mediaType,
        digest,
        size,
        ...(artifactType === undefined ? {} : { artifactType }),
      });
      const found = await find(listing((listed) => [...listed, signature].map(untyped)));
      assert.deepEqual([digestsOf(found), found.refused], [[own.descriptor.digest], []]);
    }
  });

  it('do not include what was deleted, and what is larger than its list says is read by its own size', async () => {
    const own = await attach(web.descriptor);
    const gone = { ...own.descriptor, digest: digestOf(Buffer.from('gone')) };
    const found = await find(listing((listed) => [...listed.map((each) => ({ ...each, size: 3 })), gone]));
    assert.deepEqual(digestsOf(found), [own.descriptor.digest]);
    assert.deepEqual(
      found.refused.map(({ error }) => error.kind),
      ['NotFound'],
    );
  });

  it('are searched among 256 referrers at most, those named as profiles first', async () => {
    const own = await attach(web.descriptor);
    const junk = (count: number, artifactType?: string): Descriptor[] =>
      Array.from({ length: count }, (_, index) => ({
        mediaType: mediaTypes.manifest,
        digest: digestOf(Buffer.from(`${artifactType}${index}`)),
        size: 2,
        ...(artifactType === undefined ? {} : { artifactType }),
      }));
    const found = await find(listing((listed) => [...junk(300), ...junk(5000, 'application/spdx+json'), ...listed]));
    assert.deepEqual(digestsOf(found), [own.descriptor.digest]);
    assert.equal(found.unexamined, 45);
    assert.deepEqual(found.refused, []);
  });

  it('end with the error of a registry that cannot be reached, but not with that of one referrer', async () => {
    await attach(web.descriptor);
    const down: ReadTarget = {
      ...listing((listed) => listed),
      fetch: async (descriptor, options) => {
        if (descriptor.mediaType === 'application/json') throw new FairleadError('Unavailable', 'down');
        return target.fetch(descriptor, options);
      },
    };
    await assert.rejects(find(down), { kind: 'Unavailable' });
  });

  it('are not looked for in a repository that the policy does not allow', async () => {
    let connected = false;
    const denying: PullPolicy = { ...policy(), rules: [] };
    const connect = (): ReadTarget => {
      connected = true;
      return target;
    };
    await assert.rejects(findProfiles({ image }, { policy: denying, connect }), { kind: 'NotAllowed' });
    assert.equal(connected, false);
  });

  it('are refused if a registry resolves the digest to another image', async () => {
    await pushArtifact(target, imageOf('other'), undefined, undefined);
    const wanted = { ...image, digest: digestOf(Buffer.from('x')) };
    const source: ReadTarget = { ...listing((listed) => listed), resolve: async () => web.descriptor };
    await assert.rejects(findProfiles({ image: wanted }, { policy: policy(), connect: () => source }), {
      kind: 'Conflict',
    });
  });

  it('come in order of time, then of version, with those without a time last', async () => {
    const of = async (annotations: Record<string, string>, created?: string) =>
      (await attach(web.descriptor, { annotations, ...(created && { created: new Date(created) }) })).descriptor.digest;
    const v = 'org.opencontainers.image.version';
    const expected = [
      await of({ [v]: '1.0.0' }, '2026-03-01T00:00:00Z'),
      await of({ [v]: '9.0.0' }, '2026-02-01T00:00:00Z'),
      await of({ [v]: '8.0.0' }, '2026-02-01T00:00:00Z'),
      await of({ [v]: '10.0.0' }),
      await of({ [v]: '9.1.0' }),
      await of({ [v]: '9.1.0-rc.1' }),
      await of({ [v]: 'newest!' }),
    ];
    assert.deepEqual(digestsOf(await find()), expected);
  });
});
