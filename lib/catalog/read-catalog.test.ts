import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { signerPolicy } from '#lib/trust/policy/key-policy';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { catalogEntry } from '../../test/support/catalog-entries.ts';
import type { CatalogEntry } from './entry.ts';
import { catalogAnnotations, catalogLimits, catalogMediaTypes } from './format.ts';
import { pushCatalog } from './push-catalog.ts';
import { type Catalog, entriesOf, readCatalog } from './read-catalog.ts';
import { type ListedShard, type PackedRoot, packRoot } from './root.ts';
import { compareEntries, packShard } from './shard.ts';
import { shardKey } from './shard-key.ts';

const reference = parseReference('registry.test/security/catalog:latest');
const entries = [
  catalogEntry({ of: 'registry.test/acme/nginx', seed: '1', tags: ['1.0.0'] }),
  catalogEntry({ of: 'registry.test/acme/nginx', seed: '2', tags: ['1.1.0', 'latest'] }),
  catalogEntry({ of: 'ghcr.io/acme/redis', kind: 'AppArmor' }),
];

let signer: KeySigner;
let stranger: KeySigner;
let policy: TrustPolicy;
before(async () => {
  const key = async () => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  [signer, stranger] = await Promise.all([key(), key()]);
  policy = signerPolicy({ key: 'a.pub', publicKey: signer.key.publicKey });
});

describe('readCatalog', () => {
  let target: Repository;
  beforeEach(() => {
    target = memoryRepository();
  });
  const read = (previous?: Catalog): Promise<Catalog> =>
    readCatalog(reference, { policy, connect: () => target, previous });
  const pushRoot = (root: PackedRoot, by: KeySigner | undefined = signer): Promise<unknown> =>
    pushCatalog(target, { reference, shards: [], root, signer: by });
  const refuses = async (kind: FairleadError['kind'], message: RegExp): Promise<void> => {
    await assert.rejects(read(), (error: unknown) => {
      assert(error instanceof FairleadError);
      assert.equal(error.kind, kind, error.message);
      assert.match(error.message, message);
      return true;
    });
  };
  const shardOf = async (of: readonly CatalogEntry[]): Promise<ListedShard> => {
    const shard = packShard(of);
    const [first = entries[0]] = of;
    for (const { descriptor, bytes } of shard.blobs) await target.push(descriptor, bytes);
    await target.push(shard.descriptor, shard.manifestBytes);
    return { key: shardKey(first as CatalogEntry), count: of.length, descriptor: shard.descriptor };
  };

  it('returns the entries of all shards, and who signed the catalog', async () => {
    const shards = await Promise.all([shardOf(entries.slice(0, 2)), shardOf(entries.slice(2))]);
    const root = packRoot({ shards, built: '2026-11-28T22:10:00Z', policy: 'p1' });
    await pushRoot(root);
    const catalog = await read();
    assert.deepEqual(entriesOf(catalog).toSorted(compareEntries), entries.toSorted(compareEntries));
    assert.equal(catalog.built, '2026-11-28T22:10:00Z');
    assert.equal(catalog.policy, 'p1');
    assert.equal(catalog.reference.digest, root.descriptor.digest);
    assert.equal(catalog.verification.signatures[0]?.keyFingerprint, signer.key.publicKey.fingerprint);
  });

  it('reads an empty catalog', async () => {
    await pushRoot(packRoot({ shards: [] }));
    assert.deepEqual(entriesOf(await read()), []);
  });

  it('fetches only shards that changed', async () => {
    const [nginx, redis] = await Promise.all([shardOf(entries.slice(0, 2)), shardOf(entries.slice(2))]);
    await pushRoot(packRoot({ shards: [nginx, redis] }));
    const before = await read();
    const changed = await shardOf(entries.slice(0, 1));
    await pushRoot(packRoot({ shards: [changed, redis] }));
    const fetched: string[] = [];
    const after = await readCatalog(reference, {
      policy,
      previous: before,
      connect: () => ({
        ...target,
        fetch: (descriptor, options) => {
          fetched.push(descriptor.digest);
          return target.fetch(descriptor, options);
        },
      }),
    });
    assert.equal(entriesOf(after).length, 2);
    assert(fetched.includes(changed.descriptor.digest));
    assert(!fetched.includes(redis.descriptor.digest));
  });

  it('refuses what is unsigned, or signed by another signer', async () => {
    const root = packRoot({ shards: [] });
    await pushCatalog(target, { reference, shards: [], root });
    await refuses('SignatureInvalid', /registry.test\/security\/catalog.* is not signed/);
    await pushRoot(root, stranger);
    await refuses('SignatureInvalid', /is by key a.pub/);
  });

  it('asks nothing if the policy does not allow the repository', async () => {
    const denying = { ...policy, rules: [], source: 'policy.yaml' };
    const connect = (): never => assert.fail('connected');
    await assert.rejects(readCatalog(reference, { policy: denying, connect }), { kind: 'NotAllowed' });
  });

  it('refuses what is not a catalog', async () => {
    const shard = packShard(entries.slice(2));
    for (const { descriptor, bytes } of shard.blobs) await target.push(descriptor, bytes);
    await pushRoot({ descriptor: shard.descriptor, bytes: shard.manifestBytes });
    await refuses('ProfileInvalid', /catalog registry.test.*: it is not a catalog: its media type/);
    await pushRoot(indexOf([], 'application/vnd.example'));
    await refuses('ProfileInvalid', /it is not a catalog: its artifactType is "application\/vnd.example"/);
  });

  it('refuses a catalog in a catalog', async () => {
    const inner = packRoot({ shards: [] });
    await target.push(inner.descriptor, inner.bytes);
    const { artifactType: _, ...untyped } = inner.descriptor;
    for (const listed of [inner.descriptor, untyped]) {
      await pushRoot(indexOf([{ ...listed, annotations: shardAnnotations('00', '0') }]));
      await refuses('ProfileInvalid', /has media type ".*index.*": catalogs have no parts but shards/);
    }
  });

  it('refuses a shard that is another artifact', async () => {
    const { descriptor } = await shardOf(entries.slice(2));
    const listed = { ...descriptor, artifactType: 'text/plain', annotations: shardAnnotations('00', '1') };
    await pushRoot(indexOf([listed]));
    await refuses('ProfileInvalid', /artifactType "text\/plain": catalogs have no parts but shards/);
  });

  it('refuses a shard under the key of another, and one that is there twice', async () => {
    const shard = await shardOf(entries.slice(2));
    await pushRoot(packRoot({ shards: [{ ...shard, key: 'zz' }] }));
    await refuses('ProfileInvalid', /invalid key "zz"/);
    await pushRoot(packRoot({ shards: [{ ...shard, key: shard.key === '00' ? '01' : '00' }] }));
    await refuses('ProfileInvalid', /shard 0[01]: it has an entry of ghcr.io\/acme\/redis, which belongs to shard/);
    await pushRoot(packRoot({ shards: [shard, shard] }));
    await refuses('ProfileInvalid', /it has shard .. twice/);
  });

  it('refuses a shard without a number of entries', async () => {
    for (const count of ['', '-1', '1.5', '1e3', '10000000']) {
      await pushRoot(indexOf([{ ...digestless('a'), annotations: shardAnnotations('00', count) }]));
      await refuses('ProfileInvalid', /invalid number ".*" of entries of shard sha256:/);
    }
  });

  it('refuses a catalog whose shards are too large together', async () => {
    const shard = packShard([]);
    const [config] = shard.blobs;
    assert(config !== undefined);
    const document = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] });
    const large = blob(catalogMediaTypes.entries, Buffer.from(document.padEnd(catalogLimits.shardBytes)));
    const padded = assembleArtifact({ ...shard.manifest, layers: [large.descriptor] }, [config, large]);
    for (const { descriptor, bytes } of padded.blobs) await target.push(descriptor, bytes);
    await target.push(padded.descriptor, padded.manifestBytes);
    const keys = Array.from({ length: 33 }, (_, key) => key.toString(16).padStart(2, '0'));
    await pushRoot(packRoot({ shards: keys.map((key) => ({ key, count: 0, descriptor: padded.descriptor })) }));
    await refuses('LimitExceeded', /its shards have more than the 268435456 bytes allowed/);
  });

  it('refuses a catalog that is too large', async () => {
    const descriptor = packRoot({ shards: [] }).descriptor;
    const shards = ['00', '01'].map((key) => ({ key, count: 60_000, descriptor }));
    await pushRoot(
      indexOf(shards.map(({ key }) => ({ ...digestless(key), annotations: shardAnnotations(key, '60000') }))),
    );
    await refuses('LimitExceeded', /catalog registry.test.*: it has 120000 entries, more than the 100000 allowed/);
    const padding = 'x'.repeat(5 * 1024 * 1024);
    await assert.rejects(
      readCatalog(reference, {
        policy,
        connect: () => ({ ...target, resolve: async () => indexOf([], catalogMediaTypes.root, padding).descriptor }),
      }),
      { kind: 'LimitExceeded', message: /more than the 4194304 allowed/ },
    );
  });

  it('names the catalog and the shard if one is missing', async () => {
    await pushRoot(indexOf([{ ...digestless('a'), annotations: shardAnnotations('ab', '1') }]));
    await refuses('NotFound', /catalog registry.test.*: shard ab: .*no content/);
  });

  it('refuses bytes with another digest', async () => {
    const shard = await shardOf(entries.slice(2));
    await pushRoot(packRoot({ shards: [shard] }));
    const connect = () => ({
      ...target,
      fetch: async (descriptor: Descriptor) =>
        descriptor.digest === shard.descriptor.digest
          ? (async function* () {
              yield new Uint8Array(descriptor.size);
            })()
          : target.fetch(descriptor),
    });
    await assert.rejects(readCatalog(reference, { policy, connect }), (error: unknown) => {
      assert(error instanceof FairleadError);
      assert.match(error.message, /shard .*digest/);
      return true;
    });
  });
});

function shardAnnotations(key: string, count: string): Record<string, string> {
  return { [catalogAnnotations.shard]: key, [catalogAnnotations.entries]: count };
}

/** The descriptor of a manifest that does not exist. */
function digestless(seed: string): Descriptor {
  return { mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from(seed)), size: 2 };
}

/** An index as anyone may write it. */
function indexOf(
  manifests: readonly Descriptor[],
  artifactType: string = catalogMediaTypes.root,
  padding = '',
): PackedRoot {
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, artifactType, manifests, annotations: { padding } };
  const bytes = Buffer.from(JSON.stringify(index));
  return { descriptor: { mediaType: mediaTypes.index, digest: digestOf(bytes), size: bytes.length }, bytes };
}
