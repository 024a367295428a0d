import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Artifact, ProfileArtifact } from '#lib/artifact/artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { profileContent } from '#lib/artifact/profile-content';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { pullProfile } from '#lib/node/pull/pull-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import { openStore } from '#lib/node/store/store';
import { readProfile } from '#lib/profile/read-profile';
import { copy } from '#lib/registry/copy';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import { type RemoteOptions, remoteRepository } from '#lib/registry/remote/repository';
import type { ReadTarget } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { loadPolicy } from '#lib/trust/policy/load-policy';
import type { Policy } from '#lib/trust/policy/node-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { blob } from '#test/support/contract/content';
import { type FaultProxy, startFaultProxy } from '#test/support/faults/tcp-proxy';

const quick: RemoteOptions = {
  retry: { attempts: 3, delay: 1 },
  timeouts: { connect: 2000, headers: 2000, body: 500 },
};

let directory: string;
let policy: Policy;
let signer: KeySigner;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-attacks-'));
  const keys = await generateKeyPair();
  signer = keySigner(await loadPrivateKey(keys.privateKey));
  await writeFile(join(directory, 'release.pub'), keys.publicKey);
  const rules = 'rules:\n  - {match: "**", require: [{key: release.pub}]}\n';
  await writeFile(join(directory, 'policy.yaml'), `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n${rules}`);
  policy = await loadPolicy(join(directory, 'policy.yaml'));
});
after(() => rm(directory, { recursive: true }));

/** A profile of some size that allows one syscall. */
function pack(syscall: string): ProfileArtifact {
  const names = [syscall, ...Array.from({ length: 400 }, (_, n) => `padding_${n}_${randomBytes(12).toString('hex')}`)];
  const text = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
  return packArtifact(readProfile(new TextEncoder().encode(text)), { layout: 'runtime' });
}

async function sign(artifact: Artifact): Promise<Artifact> {
  return packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, signer));
}

const pull = (reference: string, target: ReadTarget, more: { store?: Awaited<ReturnType<typeof openStore>> } = {}) =>
  pullProfile({ reference: parseReference(reference), kind: 'Seccomp' }, { policy, connect: () => target, ...more });

describe('a tag that moves between the questions of one pull', () => {
  it('is looked at once: what is pulled is what it stood for then', async () => {
    const [good, evil] = [pack('read'), pack('ptrace')];
    const repository = memoryRepository();
    await pushArtifact(repository, good, await sign(good), 'v1');
    await pushArtifact(repository, evil, undefined, undefined);
    let resolved = 0;
    const moving: ReadTarget = {
      resolve: async (tag) => {
        if (tag === 'v1') resolved++;
        const found = await repository.resolve(tag);
        await repository.tag(evil.descriptor, 'v1');
        return found;
      },
      fetch: (descriptor) => repository.fetch(descriptor),
      referrers: (subject) => repository.referrers(subject),
    };
    const pulled = await pull('registry.test/a:v1', moving);
    assert.equal(pulled.descriptor.digest, good.descriptor.digest);
    assert.deepEqual(profileContent(pulled.artifact), profileContent(good));
    assert.equal(resolved, 1);
    // Now the tag points to an unsigned artifact.
    await assert.rejects(pull('registry.test/a:v1', moving), { kind: 'SignatureInvalid' });
  });
});

describePeers(['docker-registry'], 'a registry whose storage is changed by others', () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry();
  });
  after(() => registry.stop());

  it('returns no profile with a swapped layer, and nothing of it is stored', async () => {
    const artifact = pack('read');
    const target = remoteRepository({ registry: registry.host, repository: 'swapped' }, quick);
    await pushArtifact(target, artifact, await sign(artifact), 'v1');
    const [layer] = artifact.manifest.layers;
    assert(layer !== undefined);
    const hex = layer.digest.slice('sha256:'.length);
    const file = join(registry.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    const content = await readFile(file, 'utf8');
    await writeFile(file, content.replace('SCMP_ACT_ERRNO', 'SCMP_ACT_ALLOW'));
    const store = await openStore(join(directory, 'swapped'));
    await assert.rejects(pull(`${registry.host}/swapped:v1`, target, { store }), (error: Error & { kind?: string }) => {
      assert.notEqual(error.kind, 'Internal');
      assert.match(error.message, new RegExp(layer.digest));
      return true;
    });
    assert.equal(store.get(artifact.descriptor.digest), undefined);
    await store.close();
    await assert.rejects(copy(target, memoryRepository(), 'v1', { withReferrers: true }));
  });

  it('returns no manifest in which the layer was swapped', async () => {
    const [good, evil] = [pack('read'), pack('ptrace')];
    const target = remoteRepository({ registry: registry.host, repository: 'manifest' }, quick);
    await pushArtifact(target, good, await sign(good), 'v1');
    await pushArtifact(target, evil, undefined, 'v1');
    await assert.rejects(pull(`${registry.host}/manifest:v1`, target), { kind: 'SignatureInvalid' });
    const hex = good.descriptor.digest.slice('sha256:'.length);
    const file = join(registry.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    await writeFile(file, evil.manifestBytes);
    await assert.rejects(
      pull(`${registry.host}/manifest@${good.descriptor.digest}`, target),
      (error: Error & { kind?: string }) => error.kind !== 'Internal',
    );
  });
});

describe('a registry that sends another length than its descriptor', () => {
  const content = blob(randomBytes(1000));
  const answers: readonly (readonly [string, RequestListener])[] = [
    ['shorter, and says so', (_, response) => response.end(content.bytes.subarray(0, 900))],
    [
      'shorter, and in pieces',
      (_, response) => {
        response.write(content.bytes.subarray(0, 500));
        response.end(content.bytes.subarray(500, 999));
      },
    ],
    [
      'longer, in pieces',
      (_, response) => {
        response.write(content.bytes);
        response.end('more');
      },
    ],
    [
      'a compressed bomb',
      (_, response) => {
        response.setHeader('content-encoding', 'gzip');
        response.end(gzipSync(Buffer.alloc(50_000_000)));
      },
    ],
    [
      'the right content, compressed',
      (_, response) => {
        response.setHeader('content-encoding', 'gzip');
        response.end(gzipSync(content.bytes));
      },
    ],
  ];
  for (const [title, answer] of answers) {
    it(`${title}: nothing is delivered as good`, async () => {
      const server = createServer(answer);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
        const target = remoteRepository({ registry, repository: 'a' }, quick);
        await assert.rejects(fetchBytes(target, content.descriptor, { limit: 10_000 }), (error: { kind?: string }) =>
          ['LimitExceeded', 'Unavailable', 'Conflict', 'InvalidInput'].includes(error.kind ?? ''),
        );
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });
  }
});

describe('a registry on another machine', () => {
  it('cannot send us to a service of this one', async () => {
    const asked: string[] = [];
    const secret = createServer((request, response) => {
      asked.push(`${request.url}`);
      response.end('of this machine');
    });
    await new Promise<void>((resolve) => secret.listen(0, '127.0.0.1', resolve));
    const own = `http://127.0.0.1:${(secret.address() as AddressInfo).port}/admin`;
    // registry.test is beyond a proxy, which is the only one to know it.
    const proxy = createServer((_request, response) => response.writeHead(307, { location: own }).end());
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const http = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const target = remoteRepository(
        { registry: 'registry.test:5000', repository: 'a' },
        { ...quick, plainHttp: true, proxy: { http }, credentials: { username: 'u', password: 'p' } },
      );
      await assert.rejects(fetchBytes(target, blob('x').descriptor, { limit: 10 }), {
        kind: 'NotAllowed',
        message: /leads to http:\/\/127\.0\.0\.1/,
      });
      assert.deepEqual(asked, []);
    } finally {
      for (const server of [secret, proxy]) {
        server.closeAllConnections();
        server.close();
      }
    }
  });
});

describePeers(['docker-registry'], 'push and pull over a connection that breaks', () => {
  let registry: Registry;
  let proxy: FaultProxy;
  before(async () => {
    registry = await startRegistry();
    proxy = await startFaultProxy(registry.port);
  });
  after(async () => {
    await proxy.stop();
    await registry.stop();
  });
  const open = (host: string, repository: string, options = quick) =>
    remoteRepository({ registry: host, repository }, options);
  const once: RemoteOptions = { ...quick, retry: { attempts: 1, delay: 1 } };

  /** Bytes that the whole action takes, to cut it at every tenth. */
  const tenths = (length: number): number[] => Array.from({ length: 10 }, (_, tenth) => (length * tenth) / 10);

  it('pushes everything, or leaves no tag on something incomplete or unsigned', async () => {
    for (const [at, cutAfterSent] of tenths(30_000).entries()) {
      const artifact = pack('read');
      const repository = `pushed/r${at}`;
      proxy.set({ cutAfterSent });
      const failed = await pushArtifact(open(proxy.host, repository, once), artifact, await sign(artifact), 'v1').then(
        () => undefined,
        (error: { kind?: string }) => error,
      );
      if (failed !== undefined) assert.equal(failed.kind, 'Unavailable');
      const direct = open(registry.host, repository);
      const tagged = await direct.resolve('v1').catch((error: { kind?: string }) => error.kind);
      if (tagged === 'NotFound') assert(failed !== undefined);
      else
        assert.equal(
          (await pull(`${registry.host}/${repository}:v1`, direct)).descriptor.digest,
          artifact.descriptor.digest,
        );
      proxy.set({});
      // And once more, over what is there.
      await pushArtifact(open(proxy.host, repository), artifact, await sign(artifact), 'v1');
      await pull(`${registry.host}/${repository}:v1`, direct);
    }
  });

  it('pulls everything, or fails and stores nothing', async () => {
    const artifact = pack('read');
    await pushArtifact(open(registry.host, 'pulled'), artifact, await sign(artifact), 'v1');
    const reference = `${registry.host}/pulled:v1`;
    let complete = 0;
    for (const options of [quick, once]) {
      for (const [at, cutAfterReceived] of tenths(20_000).entries()) {
        const store = await openStore(join(directory, `store-${options === once}-${at}`));
        proxy.set({ cutAfterReceived });
        const outcome: PulledProfile | { kind?: string } = await pull(reference, open(proxy.host, 'pulled', options), {
          store,
        }).catch((error: { kind?: string }) => error);
        proxy.set({});
        if ('profile' in outcome) {
          complete++;
          assert.deepEqual(profileContent(outcome.artifact), profileContent(artifact));
        } else {
          assert.equal(outcome.kind, 'Unavailable');
          assert.equal(store.get(artifact.descriptor.digest), undefined);
        }
        await store.close();
      }
    }
    assert(complete >= 10, `${complete} pulls of 20 were completed`);
  });

  it('waits as long as Retry-After specifies, up to a limit', async () => {
    const artifact = pack('read');
    await pushArtifact(open(registry.host, 'limited'), artifact, await sign(artifact), 'v1');
    const refusals = [429, 500, 429, 503];
    const server = createServer((request, response) => {
      const status = refusals.shift();
      if (status !== undefined) {
        response.writeHead(status, status === 429 ? { 'retry-after': '1' } : {}).end();
        return;
      }
      const { method, url: path, headers } = request;
      request.pipe(
        httpRequest({ port: registry.port, host: '127.0.0.1', method, path, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const patient = { ...quick, retry: { attempts: 6, delay: 1 } };
      const began = performance.now();
      await pull(`${host}/limited:v1`, open(host, 'limited', patient));
      assert(performance.now() - began > 1950);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
