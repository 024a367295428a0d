import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { readProfile } from '#lib/profile/read-profile';
import type { Descriptor } from '#lib/registry/descriptor';
import { remoteRepository } from '#lib/registry/remote/repository';
import type { Target } from '#lib/registry/target';
import { loadPrivateKey } from '#lib/trust/keys/key';
import { attachSignature } from '#lib/trust/sign/attach-signature';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { fetchSignatures } from '#lib/trust/verify/fetch-signatures';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import { type PeerName, peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { run } from '#test/support/cli/run';

type Pair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };

interface Kind {
  readonly name: string;
  readonly make: () => Pair;
  /** Whether we verify what cosign 3 signs with it. */
  readonly cosign3ToUs: boolean;
  /** Whether cosign 3 verifies what it signs with it. */
  readonly cosign3ToItself: boolean;
}

const good = { cosign3ToUs: true, cosign3ToItself: true };
const kinds: readonly Kind[] = [
  { name: 'P-256', make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), ...good },
  { name: 'RSA 2048', make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), ...good },
  { name: 'RSA 4096', make: () => generateKeyPairSync('rsa', { modulusLength: 4096 }), ...good },
  // cosign 3 hashes as large as the curve when it signs, and SHA-256 when it verifies.
  ...['P-384', 'P-521'].map((namedCurve) => ({
    name: namedCurve,
    make: () => generateKeyPairSync('ec', { namedCurve }),
    cosign3ToUs: true,
    cosign3ToItself: false,
  })),
  // cosign 3 signs as Ed25519ph, and verifies plain Ed25519.
  { name: 'Ed25519', make: () => generateKeyPairSync('ed25519'), ...good, cosign3ToUs: false, cosign3ToItself: false },
];

/** How each version is told to sign with a key, without any service. */
const signingFlags = {
  bundle: ['--signing-config', 'signing.json'],
  legacy: ['--use-signing-config=false', '--new-bundle-format=false', '--tlog-upload=false'],
} as const;

describePeers(['docker-registry', 'cosign', 'cosign-2'], 'every kind of key, between us and cosign 2 and 3', () => {
  let folder: string;
  let registry: Registry;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trust-cosign-keys-'));
    registry = await startRegistry();
    await cosign('cosign', ['signing-config', 'create', '--out', 'signing.json']);
  });
  after(async () => {
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  async function cosign(program: PeerName, args: readonly string[]): Promise<boolean> {
    const env = { HOME: folder, COSIGN_PASSWORD: 'secret' };
    return (await run(peer(program), args, { cwd: folder, env })).code === 0;
  }

  const verifies = (program: PeerName, name: string): Promise<boolean> =>
    cosign(program, ['verify', '--key', 'key.pub', '--insecure-ignore-tlog', '--allow-http-registry', name]);

  let count = 0;

  async function publish(): Promise<{ target: Target; descriptor: Descriptor; repository: string; name: string }> {
    const repository = `keys/r${count++}`;
    const target = remoteRepository({ registry: registry.host, repository });
    const profile = readProfile(Buffer.from('{"defaultAction":"SCMP_ACT_ERRNO"}'));
    const artifact = packArtifact(profile, { layout: 'runtime' });
    await pushArtifact(target, artifact, undefined, 'v1');
    const { descriptor } = artifact;
    return { target, descriptor, repository, name: `${registry.host}/${repository}@${descriptor.digest}` };
  }

  /** Why we do not take the one signature beside an artifact; undefined where we do. */
  async function refusal(
    { target, descriptor, repository }: Awaited<ReturnType<typeof publish>>,
    { key: { publicKey } }: KeySigner,
  ): Promise<string | undefined> {
    const signatures = await fetchSignatures(target, descriptor);
    assert.equal(signatures.length, 1);
    const rule = { match: '**', unsigned: false, require: [{ anyOf: [{ key: 'key.pub', publicKey }] }] };
    try {
      verifySignatures(descriptor, { registry: registry.host, repository }, signatures, rule);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof FairleadError && error.kind === 'SignatureInvalid');
      return error.message;
    }
  }

  for (const { name: kind, make, cosign3ToUs, cosign3ToItself } of kinds) {
    it(`${kind}: both verify ours, and we ${cosign3ToUs ? 'both of theirs' : "cosign 2's"}`, async () => {
      for (const end of ['key', 'pub']) await rm(join(folder, `imported.${end}`), { force: true });
      const { privateKey, publicKey } = make();
      await writeFile(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
      await writeFile(join(folder, 'key.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
      const signer = keySigner(await loadPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()));

      for (const format of ['bundle', 'legacy'] as const) {
        const ours = await publish();
        const reference = { registry: registry.host, repository: ours.repository };
        await attachSignature(ours.target, { descriptor: ours.descriptor, reference, signer, format });
        assert.equal(await verifies('cosign', ours.name), true, `${format} by cosign 3`);
        // It knows no bundles.
        assert.equal(await verifies('cosign-2', ours.name), format === 'legacy', `${format} by cosign 2`);
      }

      const importing = ['import-key-pair', '--yes', '--key', 'key.pem', '--output-key-prefix'];
      assert.equal(await cosign('cosign', [...importing, 'imported']), true);
      for (const [format, flags] of Object.entries(signingFlags)) {
        const theirs = await publish();
        const sign = ['sign', '--yes', '--key', 'imported.key', ...flags, '--allow-http-registry', theirs.name];
        assert.equal(await cosign('cosign', sign), true);
        const reason = await refusal(theirs, signer);
        assert.equal(reason === undefined, cosign3ToUs, `${format} by cosign 3: ${reason}`);
        if (kind === 'Ed25519') assert.match(reason ?? '', /or in the variant Ed25519ph, which is not supported/);
        assert.equal(await verifies('cosign', theirs.name), cosign3ToItself, `${format} of cosign 3 by itself`);
      }

      // The import of cosign 2.5 refuses most keys; the file that cosign 3 made of it does.
      const old = await publish();
      const flags = ['--tlog-upload=false', '--allow-http-registry', old.name];
      assert.equal(await cosign('cosign-2', ['sign', '--yes', '--key', 'imported.key', ...flags]), true);
      const reason = await refusal(old, signer);
      assert.equal(reason, undefined, `by cosign 2: ${reason}`);
      assert.equal(await verifies('cosign-2', old.name), true, 'of cosign 2 by itself');
    });
  }
});
