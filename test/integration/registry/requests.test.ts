import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { pullProfile } from '#lib/node/pull/pull-profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { copy } from '#lib/registry/copy';
import { memoryRepository } from '#lib/registry/memory';
import { remoteCatalog } from '#lib/registry/remote/catalog';
import { remoteRepository } from '#lib/registry/remote/repository';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { keyPolicy } from '#lib/trust/policy/key-policy';
import { keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { startRefreg } from '#test/peers/refreg';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';

let count = 0;
const fresh = (): string => `test/r${count++}`;

/** The paths of the requests that a registry gets during an action. */
async function pathsOf(log: string, action: () => Promise<unknown>): Promise<string[]> {
  const before = (await readFile(log, 'utf8')).length;
  await action();
  const lines = (await readFile(log, 'utf8')).slice(before);
  return [...lines.matchAll(/(?:GET|HEAD) (\/v2\/\S+)/g)].map(([, path = '']) => path);
}

/** `manifests`, `blobs` or `referrers`. */
const placeOf = (path: string): string => path.split('/')[1] ?? '';

/** The methods of the requests that a registry gets during an action. */
async function methodsOf(registry: Registry, action: () => Promise<unknown>): Promise<string[]> {
  const before = (await readFile(registry.log, 'utf8')).length;
  await action();
  const log = (await readFile(registry.log, 'utf8')).slice(before);
  return [...log.matchAll(/ "(GET|HEAD|POST|PUT|PATCH) [^ ]+ HTTP/g)].map(([, method = '']) => method);
}

const seccomp = (name: string) =>
  readProfile(
    new TextEncoder().encode(
      JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: [name], action: 'SCMP_ACT_ALLOW' }] }),
    ),
  );

/** Pushes a signed profile, and returns the paths that its pull by tag and by digest requests. */
async function pullsOf(host: string, log: string): Promise<readonly string[][]> {
  const target = remoteRepository({ registry: host, repository: fresh() });
  const { privateKey, publicKey } = await generateKeyPair();
  const signer = keySigner(await loadPrivateKey(privateKey));
  const artifact = packArtifact(seccomp('read'), { layout: 'runtime' });
  const signature = packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, signer));
  await pushArtifact(target, artifact, signature, 'v1');
  const policy = { ...keyPolicy('release.pub', publicKey), limits: defaultPublicationLimits };
  const { repository } = target;
  const pulls = [];
  for (const named of [{ tag: 'v1' }, { digest: artifact.descriptor.digest }]) {
    const reference = { registry: host, repository, ...named };
    const pull = () =>
      pullProfile(
        { reference, kind: 'Seccomp' },
        { policy, connect: () => remoteRepository({ registry: host, repository }) },
      );
    pulls.push((await pathsOf(log, pull)).map((path) => path.slice(`/v2/${repository}`.length)));
  }
  return pulls;
}

describePeers(['docker-registry'], 'the requests that a registry gets', () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry();
  });
  after(() => registry.stop());
  const open = (repository = fresh()) => remoteRepository({ registry: registry.host, repository });

  it('asks nothing twice: a copy of what is there sends one question and the tag', async () => {
    const repository = fresh();
    const source = memoryRepository();
    const layer = blob(randomBytes(50_000));
    const image = manifest([layer]);
    await pushAll(source, [layer, emptyConfig, image]);
    await source.tag(image.descriptor, 'v1');
    await copy(source, open(repository), 'v1', { withReferrers: false });
    assert.deepEqual(await methodsOf(registry, () => copy(source, open(repository), 'v1', { withReferrers: false })), [
      'HEAD',
      'PUT',
    ]);
  });

  it('copies from one registry to another in nine requests, in six if the config is known, and in three if all is there', async () => {
    const other = await startRegistry();
    try {
      const source = open();
      const artifacts = [1, 2].map((n) => ({ layer: blob(randomBytes(20_000)), tag: `v${n}` }));
      for (const { layer, tag } of artifacts) {
        const image = manifest([layer]);
        await pushAll(source, [layer, emptyConfig, image]);
        await source.tag(image.descriptor, tag);
      }
      const target = remoteRepository({ registry: other.host, repository: 'copied' });
      const counts = async (tag: string): Promise<readonly string[][]> => {
        let sent: readonly string[] = [];
        const received = await methodsOf(registry, async () => {
          sent = await methodsOf(other, () => copy(source, target, tag, { withReferrers: false }));
        });
        return [received.toSorted(), sent.toSorted()];
      };
      const upload = ['POST', 'PUT'];
      assert.deepEqual(await counts('v1'), [['GET', 'GET', 'GET'], ['HEAD', ...upload, ...upload, 'PUT'].toSorted()]);
      assert.deepEqual(await counts('v2'), [
        ['GET', 'GET'],
        ['HEAD', ...upload, 'PUT'],
      ]);
      assert.deepEqual(await counts('v1'), [['GET'], ['HEAD', 'PUT']]);
    } finally {
      await other.stop();
    }
  });

  it('pushes with its tag in three requests, the second time of a config', async () => {
    const target = open();
    const artifacts = ['1', '2'].map((n) => packArtifact(seccomp(n), { layout: 'runtime' }));
    const [first, second] = artifacts;
    assert(first !== undefined && second !== undefined);
    await pushArtifact(target, first, undefined, 'v1');
    assert.deepEqual(await methodsOf(registry, () => pushArtifact(target, second, undefined, 'v2')), [
      'POST',
      'PUT',
      'PUT',
    ]);
    assert.deepEqual((await target.resolve('v2')).digest, second.descriptor.digest);
    // Nothing is fetched to be tagged, though the signature was pushed after it.
    const signature = packArtifact(seccomp('3'), { layout: 'runtime' });
    assert(!(await methodsOf(registry, () => pushArtifact(target, first, signature, 'v3'))).includes('GET'));
  });

  it('pulls a signed profile in six requests: none for what came along or is known by its digest', async () => {
    for (const paths of await pullsOf(registry.host, registry.log)) {
      // The referrers API, which this registry does not have, then the tag in its place.
      assert.deepEqual(paths.map(placeOf).toSorted(), [
        ...['blobs', 'blobs', 'manifests', 'manifests', 'manifests'],
        'referrers',
      ]);
    }
  });

  it('reads the list of referrers that it keeps itself again after it was written', async () => {
    const target = open();
    const subject = manifest([]);
    const referrer = manifest([], { subject: subject.descriptor });
    await pushAll(target, [emptyConfig, subject]);
    const requests = await methodsOf(registry, () => target.push(referrer.descriptor, referrer.bytes));
    // The manifest; the list, read, written and read again; then whether the API lists something
    // else.
    assert.deepEqual(requests.slice(0, 4), ['PUT', 'GET', 'PUT', 'GET']);
    const found = await target.referrers(subject.descriptor);
    assert.deepEqual(
      found.map(({ digest }) => digest),
      [referrer.descriptor.digest],
    );
  });

  it('sends a blob again that the registry lost a moment ago', async () => {
    const repository = fresh();
    const target = open(repository);
    const layer = blob(randomBytes(1000));
    const image = manifest([layer]);
    await pushAll(target, [emptyConfig, layer]);
    await open(repository).delete(layer.descriptor);
    await assert.rejects(target.push(image.descriptor, image.bytes), { kind: 'NotFound' });
    await pushAll(target, [emptyConfig, layer, image]);
    assert.deepEqual(await target.resolve(image.descriptor.digest), image.descriptor);
  });

  it('lists the repositories of the registry, more than one page has', async () => {
    const other = await startRegistry();
    try {
      const repositories = Array.from({ length: 120 }, (_, n) => `many/r${String(n).padStart(3, '0')}`);
      await Promise.all(
        repositories.map((repository) =>
          remoteRepository({ registry: other.host, repository }).push(emptyConfig.descriptor, emptyConfig.bytes),
        ),
      );
      const names: string[] = [];
      const requests = await methodsOf(other, async () => {
        for await (const name of remoteCatalog(other.host)) names.push(name);
      });
      assert.deepEqual(names.sort(), repositories);
      assert(requests.length >= 2);
    } finally {
      await other.stop();
    }
  });
});

describePeers(['refreg'], 'the requests that a registry with the referrers API gets', () => {
  it('pulls a signed profile in five: manifest, referrers, signature, bundle, profile', async () => {
    const registry = await startRefreg();
    try {
      for (const paths of await pullsOf(registry.host, registry.log)) {
        assert.deepEqual(paths.map(placeOf), ['manifests', 'referrers', 'manifests', 'blobs', 'blobs']);
      }
    } finally {
      await registry.stop();
    }
  });
});
