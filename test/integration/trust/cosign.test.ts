import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import type { Artifact, ProfileArtifact } from '#lib/artifact/artifact';
import { assembleArtifact } from '#lib/artifact/assemble-artifact';
import { fetchArtifact } from '#lib/artifact/fetch-artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { unpackArtifact } from '#lib/artifact/unpack-artifact';
import { FairleadError } from '#lib/errors';
import { readProfile } from '#lib/profile/read-profile';
import type { Reference } from '#lib/registry/reference';
import { remoteRepository } from '#lib/registry/remote/repository';
import type { Target } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey, loadPublicKey } from '#lib/trust/keys/key';
import type { Rule } from '#lib/trust/policy/policy';
import { attachSignature } from '#lib/trust/sign/attach-signature';
import { keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { legacyTag } from '#lib/trust/signature/legacy/legacy-manifest';
import { packSignature } from '#lib/trust/signature/pack-signature';
import type { Signature, Verification } from '#lib/trust/signature/signature';
import { fetchSignatures } from '#lib/trust/verify/fetch-signatures';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import { type PeerName, peer } from '#test/peers/peer';
import { startRefreg } from '#test/peers/refreg';
import { startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';

const run = promisify(execFile);
const passphrase = 'correct horse battery staple';

interface Running {
  readonly host: string;
  stop(): Promise<void>;
}

/** Where keys and cosign's own files lie; cosign gets it as its home. */
let folder: string;

function keyFile(name: string): string {
  return join(folder, name);
}

async function cosign(
  args: readonly string[],
  program: PeerName = 'cosign',
  more: NodeJS.ProcessEnv = {},
): Promise<string> {
  const env = { ...more, HOME: folder, PATH: process.env['PATH'], COSIGN_PASSWORD: passphrase };
  const { stdout, stderr } = await run(peer(program), args, { cwd: folder, env });
  return stdout + stderr;
}

const cosignVerify = (name: string, publicKey = keyFile('cosign.pub'), program?: PeerName): Promise<string> =>
  cosign(['verify', '--key', publicKey, '--insecure-ignore-tlog', '--allow-http-registry', name], program);

const cosignSign = (name: string, privateKey = keyFile('cosign.key')): Promise<string> =>
  cosign(['sign', '--yes', '--key', privateKey, '--signing-config', 'signing.json', '--allow-http-registry', name]);

const cosignSignLegacy = (name: string): Promise<string> =>
  cosign(
    ['sign', '--yes', '--key', keyFile('cosign.key'), '--tlog-upload=false', '--allow-http-registry', name],
    'cosign-2',
  );

/** The rule that asks for a signature by the key in a file. */
async function requiring(publicKey: string): Promise<Rule> {
  const key = loadPublicKey(await readFile(publicKey, 'utf8'));
  return { match: '**', unsigned: false, require: [{ anyOf: [{ key: publicKey, publicKey: key }] }] };
}

let count = 0;

/** A repository of its own, with one profile in it that is like no other. */
async function publishUnsigned({
  host,
}: Running): Promise<{ artifact: ProfileArtifact; reference: Reference; target: Target; name: string }> {
  const reference = { registry: host, repository: `trust/r${count++}` };
  const target = remoteRepository(reference);
  const artifact = await anotherArtifact(target);
  return { artifact, reference, target, name: `${host}/${reference.repository}@${artifact.descriptor.digest}` };
}

async function anotherArtifact(target: Target): Promise<ProfileArtifact> {
  const content = Buffer.from(`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":${(count++ % 4000) + 1}}`);
  const artifact = packArtifact(readProfile(content), { layout: 'runtime', content, title: 'profile.json' });
  await pushArtifact(target, artifact, undefined, `v${count}`);
  return artifact;
}

async function verified(
  { target, artifact, reference }: { target: Target; artifact: Artifact; reference: Reference },
  rule: Rule,
): Promise<Verification> {
  return verifySignatures(artifact.descriptor, reference, await fetchSignatures(target, artifact.descriptor), rule);
}

function isForAnotherArtifact(error: unknown): boolean {
  assert.ok(error instanceof FairleadError, String(error));
  assert.equal(error.kind, 'SignatureInvalid');
  assert.match(error.message, /made for another artifact/);
  return true;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trust-cosign-'));
});
after(() => rm(folder, { recursive: true }));

for (const [name, peers, start] of [
  ['docker-registry 2.8 (fallback tag)', ['docker-registry'], startRegistry],
  ['a registry with the referrers API', ['refreg'], startRefreg],
] as const) {
  describePeers([...peers, 'cosign', 'cosign-2'], `signatures, cosign and ${name}`, () => {
    let registry: Running;
    before(async () => {
      registry = await start();
      await rm(keyFile('cosign.key'), { force: true });
      await rm(keyFile('cosign.pub'), { force: true });
      await cosign(['generate-key-pair']);
      await cosign(['signing-config', 'create', '--out', 'signing.json']);
    });
    after(() => registry.stop());

    it('cosign 3 accepts what we sign, with a key of our making', async () => {
      const files = await generateKeyPair();
      await writeFile(keyFile('ours.pub'), files.publicKey);
      const published = await publishUnsigned(registry);
      await assert.rejects(cosignVerify(published.name, keyFile('ours.pub')), /no signatures found/);
      const { artifact, target } = published;
      const bundle = await signArtifact(artifact.descriptor, keySigner(await loadPrivateKey(files.privateKey)));
      await pushArtifact(target, artifact, packSignature(artifact.descriptor, bundle), 'signed');
      assert.match(await cosignVerify(published.name, keyFile('ours.pub')), new RegExp(artifact.descriptor.digest));
      await assert.rejects(cosignVerify(published.name), /failed to verify signature/);
      assert.equal((await verified(published, await requiring(keyFile('ours.pub')))).signatures[0]?.format, 'bundle');
    });

    it('we accept what cosign 3 signs, and the profile is still the one that was pushed', async () => {
      const published = await publishUnsigned(registry);
      await cosignSign(published.name);
      const rule = await requiring(keyFile('cosign.pub'));
      const verification = await verified(published, rule);
      assert.equal(verification.signatures[0]?.format, 'bundle');
      const { target, artifact } = published;
      const fetched = await fetchArtifact(target, await target.resolve(artifact.descriptor.digest), {
        artifactBytes: 1e6,
      });
      assert.deepEqual(unpackArtifact(fetched, 'Seccomp'), unpackArtifact(artifact, 'Seccomp'));
    });

    it('we accept what cosign 2 signs in the legacy form', async () => {
      const published = await publishUnsigned(registry);
      await cosignSignLegacy(published.name);
      const verification = await verified(published, await requiring(keyFile('cosign.pub')));
      assert.equal(verification.signatures[0]?.format, 'legacy');
    });

    it('we accept what cosign 2 signs as a referrer (OCI 1.1), and of this artifact only', async () => {
      const published = await publishUnsigned(registry);
      const options = ['--key', keyFile('cosign.key'), '--tlog-upload=false', '--registry-referrers-mode=oci-1-1'];
      const args = ['sign', '--yes', ...options, '--allow-http-registry', published.name];
      await cosign(args, 'cosign-2', { COSIGN_EXPERIMENTAL: '1' });
      const rule = await requiring(keyFile('cosign.pub'));
      const [held] = (await verified(published, rule)).signatures;
      assert.equal(held?.format, 'legacy');
      await assert.rejects(published.target.resolve(legacyTag(published.artifact.descriptor, 'sig') ?? ''), {
        kind: 'NotFound',
      });
      const victim = await anotherArtifact(published.target);
      await assert.rejects(verified({ ...published, artifact: victim }, rule), { kind: 'SignatureInvalid' });
    });

    it('cosign 2 and 3 accept what we sign in the legacy form, beside what cosign 2 signed there', async () => {
      const files = await generateKeyPair();
      await writeFile(keyFile('ours.pub'), files.publicKey);
      const published = await publishUnsigned(registry);
      const { artifact, reference, target, name } = published;
      await cosignSignLegacy(name);
      const signer = keySigner(await loadPrivateKey(files.privateKey));
      await attachSignature(target, { descriptor: artifact.descriptor, reference, signer, format: 'legacy' });
      for (const publicKey of [keyFile('ours.pub'), keyFile('cosign.pub')]) {
        for (const program of ['cosign', 'cosign-2'] as const) await cosignVerify(name, publicKey, program);
        await verified(published, await requiring(publicKey));
      }
      await cosignSignLegacy(name);
      await verified(published, await requiring(keyFile('ours.pub')));
    });

    it('we accept what `cosign sign-blob` makes of the manifest, and of no other', async () => {
      const published = await publishUnsigned(registry);
      const { artifact, target } = published;
      await writeFile(join(folder, 'manifest.json'), artifact.manifestBytes);
      const options = ['--key', keyFile('cosign.key'), '--signing-config', 'signing.json', '--bundle', 'blob.json'];
      await cosign(['sign-blob', '--yes', ...options, 'manifest.json']);
      const bundle = await readFile(join(folder, 'blob.json'));
      assert.match(bundle.toString(), /"messageSignature"/);
      const victim = await anotherArtifact(target);
      for (const signed of [artifact, victim]) {
        const { manifest, blobs } = packSignature(signed.descriptor, bundle);
        const annotations = { 'dev.sigstore.bundle.content': 'message-signature' };
        await pushArtifact(target, assembleArtifact({ ...manifest, annotations }, blobs), undefined, undefined);
      }
      const rule = await requiring(keyFile('cosign.pub'));
      assert.equal((await verified(published, rule)).signatures.length, 1);
      await assert.rejects(verified({ ...published, artifact: victim }, rule), isForAnotherArtifact);
    });

    it('signatures of both forms beside each other are all found', async () => {
      const published = await publishUnsigned(registry);
      await cosignSignLegacy(published.name);
      await cosignSign(published.name);
      const { artifact, target } = published;
      const ours = await signArtifact(
        artifact.descriptor,
        keySigner(await loadPrivateKey((await generateKeyPair()).privateKey)),
      );
      await pushArtifact(target, packSignature(artifact.descriptor, ours), undefined, undefined);
      const formats = (await fetchSignatures(target, artifact.descriptor)).map(({ format }) => format);
      assert.deepEqual(formats.toSorted(), ['bundle', 'bundle', 'legacy']);
      await cosignVerify(published.name);
    });

    it("a signature of cosign's, copied from another artifact to this one's place, is refused", async () => {
      const { artifact, reference, target, name } = await publishUnsigned(registry);
      await cosignSign(name);
      const [signature] = await fetchSignatures(target, artifact.descriptor);
      assert.ok(signature?.format === 'bundle');
      const victim = await anotherArtifact(target);
      await pushArtifact(target, packSignature(victim.descriptor, signature.bundle), undefined, undefined);
      await assert.rejects(
        verified({ artifact: victim, reference, target }, await requiring(keyFile('cosign.pub'))),
        isForAnotherArtifact,
      );
    });

    it("a legacy signature of cosign's, copied from another artifact to this one's place, is refused", async () => {
      const { artifact, reference, target, name } = await publishUnsigned(registry);
      await cosignSignLegacy(name);
      const victim = await anotherArtifact(target);
      const [from, to] = [artifact, victim].map(({ descriptor }) => legacyTag(descriptor, 'sig') ?? '');
      await target.tag(await target.resolve(from ?? ''), to ?? '');
      const rule = await requiring(keyFile('cosign.pub'));
      await assert.rejects(verified({ artifact: victim, reference, target }, rule), isForAnotherArtifact);
      assert.equal((await verified({ artifact, reference, target }, rule)).signatures.length, 1);
    });

    it('an attestation by the right key is no signature', async () => {
      const { artifact, reference, target, name } = await publishUnsigned(registry);
      await writeFile(keyFile('sbom.json'), '{"spdxVersion":"SPDX-2.3"}');
      const options = ['--key', keyFile('cosign.key'), '--signing-config', 'signing.json', '--allow-http-registry'];
      await cosign(['attest', '--yes', ...options, '--type', 'spdxjson', '--predicate', 'sbom.json', name]);
      const found: Signature[] = await fetchSignatures(target, artifact.descriptor);
      const rule = await requiring(keyFile('cosign.pub'));
      assert.throws(
        () => verifySignatures(artifact.descriptor, reference, found, rule),
        (error) => error instanceof FairleadError && error.kind === 'SignatureInvalid',
      );
    });
  });
}

describePeers(['docker-registry', 'cosign'], "cosign's encrypted keys", () => {
  let registry: Running;
  before(async () => {
    registry = await startRegistry();
    await cosign(['signing-config', 'create', '--out', 'signing.json']);
  });
  after(() => registry.stop());

  it('a key that cosign made signs through us', async () => {
    await cosign(['generate-key-pair', '--output-key-prefix', 'theirs']);
    const signer = keySigner(await loadPrivateKey(await readFile(keyFile('theirs.key'), 'utf8'), passphrase));
    const { artifact, target, name } = await publishUnsigned(registry);
    const bundle = await signArtifact(artifact.descriptor, signer);
    await pushArtifact(target, packSignature(artifact.descriptor, bundle), undefined, undefined);
    await cosignVerify(name, keyFile('theirs.pub'));
    await assert.rejects(
      loadPrivateKey(await readFile(keyFile('theirs.key'), 'utf8'), 'wrong'),
      /the passphrase is wrong/,
    );
  });

  it('a key that we made signs through cosign', async () => {
    const files = await generateKeyPair({ passphrase });
    await writeFile(keyFile('made.key'), files.privateKey);
    await writeFile(keyFile('made.pub'), files.publicKey);
    const published = await publishUnsigned(registry);
    await cosignSign(published.name, keyFile('made.key'));
    const verification = await verified(published, await requiring(keyFile('made.pub')));
    assert.equal(verification.signatures[0]?.keyFingerprint, loadPublicKey(files.publicKey).fingerprint);
    assert.equal(await cosign(['public-key', '--key', keyFile('made.key')]), files.publicKey);
  });
});
