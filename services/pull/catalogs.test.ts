import assert from 'node:assert/strict';
import { before, beforeEach, describe, it, mock } from 'node:test';
import { pino } from 'pino';
import type { CatalogEntry } from '#lib/catalog/entry';
import { pushCatalog } from '#lib/catalog/push-catalog';
import { packRoot } from '#lib/catalog/root';
import { CatalogSearch } from '#lib/catalog/search';
import { packShard } from '#lib/catalog/shard';
import { shardKey } from '#lib/catalog/shard-key';
import { FairleadError } from '#lib/errors';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Policy } from '#lib/trust/policy/node-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { catalogEntry } from '#test/support/catalog-entries';
import { Catalogs } from './catalogs.ts';
import { siteOf } from './pages/site/pages-dependencies.ts';
import { createPullServer } from './server.ts';

const reference = parseReference('registry.test/security/catalog:latest');
const logged: { readonly messageId: string; readonly msg: string }[] = [];
const log = pino({ base: null, timestamp: false }, { write: (line) => void logged.push(JSON.parse(line)) });
const silent = pino({ level: 'silent' });
const nginx = [
  catalogEntry({ of: 'registry.test/acme/nginx', seed: '1', tags: ['1.0.0'] }),
  catalogEntry({ of: 'registry.test/acme/nginx', seed: '2', tags: ['1.1.0', 'latest'] }),
];
const redis = [catalogEntry({ of: 'registry.test/acme/redis', kind: 'AppArmor' })];

describe('Catalogs', () => {
  let signer: KeySigner;
  let policy: Policy;
  let target: Repository;
  let isDown = false;
  before(async () => {
    signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    policy = {
      source: 'policy.yaml',
      rules: [
        { match: '**', require: [{ anyOf: [{ key: 'a.pub', publicKey: signer.key.publicKey }] }], unsigned: false },
      ],
      baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
      limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
      revision: '1',
    };
  });
  beforeEach(() => {
    target = memoryRepository();
    isDown = false;
    logged.length = 0;
  });

  const connect = (): Repository => {
    if (isDown) throw new FairleadError('Unavailable', 'registry.test does not answer');
    return target;
  };
  const push = async (...repositories: readonly (readonly CatalogEntry[])[]): Promise<void> => {
    const shards = [];
    for (const entries of repositories) {
      const shard = packShard(entries);
      for (const { descriptor, bytes } of shard.blobs) await target.push(descriptor, bytes);
      await target.push(shard.descriptor, shard.manifestBytes);
      shards.push({ key: shardKey(entries[0] as CatalogEntry), count: entries.length, descriptor: shard.descriptor });
    }
    await pushCatalog(target, { reference, shards: [], root: packRoot({ shards }), signer });
  };
  const follow = (followed: { current: Policy } = { current: policy }): Catalogs =>
    new Catalogs([reference], { policy: followed, connect, log });
  const names = (catalogs: Catalogs): string[] =>
    catalogs
      .current()
      .search({})
      .profiles.map(({ name }) => name);

  it('finds what a catalog contains now, and each change of it', async () => {
    await push(nginx);
    const catalogs = follow();
    assert.equal(catalogs.wereTried, false);
    await catalogs.read();
    assert.deepEqual([names(catalogs), catalogs.wereTried], [['nginx'], true]);
    await push(nginx, redis);
    await catalogs.read();
    assert.deepEqual(names(catalogs), ['nginx', 'redis']);
  });

  it('keeps the last one while the registry is down, and reports why', async () => {
    await push(nginx);
    const catalogs = follow();
    await catalogs.read();
    isDown = true;
    await catalogs.read();
    assert.deepEqual(names(catalogs), ['nginx']);
    assert.equal(catalogs.states[0]?.problem?.kind, 'Unavailable');
    isDown = false;
    await catalogs.read();
    assert.equal(catalogs.states[0]?.problem, undefined);
  });

  it('logs why a catalog cannot be read when that changes, not each time', async () => {
    await push(nginx);
    const catalogs = follow();
    for (const down of [true, true, false, false, true, true]) {
      isDown = down;
      await catalogs.read();
    }
    assert.deepEqual(
      logged.map(({ messageId, msg }) => [messageId, msg]),
      [
        ['fairlead.catalog.unread', 'the catalog cannot be read, it has no effect: registry.test does not answer'],
        ['fairlead.catalog.read', 'catalog read'],
        [
          'fairlead.catalog.unread',
          'the catalog cannot be read, the previous one stays in force: registry.test does not answer',
        ],
      ],
    );
  });

  it('is read again every minute, until it is stopped', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      let requests = 0;
      const refusing = (): Repository => {
        requests++;
        throw new FairleadError('Unavailable', 'registry.test does not answer');
      };
      const catalogs = new Catalogs([reference], { policy: { current: policy }, connect: refusing, log: silent });
      await catalogs.start();
      mock.timers.tick(59_999);
      assert.equal(requests, 1);
      mock.timers.tick(1);
      assert.equal(requests, 2);
      catalogs.stop();
      mock.timers.tick(120_000);
      assert.equal(requests, 2);
    } finally {
      mock.timers.reset();
    }
  });

  it('is shown by web pages with the problem that it has, without the paths of the service', () => {
    const problem = new FairleadError('Unavailable', '/var/lib/fairlead/registry/index.json: no space');
    const { site } = siteOf({
      version: '0',
      policy: { current: policy },
      readers: { areAnonymous: true },
      catalogs: {
        current: () => new CatalogSearch([]),
        states: [{ reference: 'localhost/catalog:latest', catalog: undefined, problem }],
      },
      localPaths: () => ({ '/var/lib/fairlead/registry': 'the registry' }),
    });
    const [shown] = site.catalogs;
    assert.deepEqual([shown?.verified, shown?.problem], [false, 'the registry: no space']);
  });

  it('warns of a tag that is set back to an older catalog, once', async () => {
    const warnings: { messageId: string }[] = [];
    const written = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(JSON.parse(line)) });
    const catalogs = new Catalogs([reference], { policy: { current: policy }, connect, log: written });
    const setTo = async (built: string): Promise<void> => {
      await pushCatalog(target, { reference, shards: [], root: packRoot({ shards: [], built }), signer });
      await catalogs.read();
    };
    await setTo('2026-11-29T00:00:00Z');
    await setTo('2026-11-30T00:00:00Z');
    assert.deepEqual(warnings, []);
    await setTo('2026-11-29T00:00:00Z');
    await catalogs.read();
    assert.deepEqual(
      warnings.map(({ messageId }) => messageId),
      ['fairlead.catalog.older'],
    );
  });

  it('drops what the policy refuses now', async () => {
    await push(nginx);
    const followed = { current: policy };
    const catalogs = follow(followed);
    await catalogs.read();
    followed.current = { ...policy, rules: [], revision: '2' };
    await catalogs.read();
    assert.deepEqual([names(catalogs), catalogs.states[0]?.problem?.kind], [[], 'NotAllowed']);
  });

  it('is ready after the first attempt, whether or not the registry answers', async () => {
    isDown = true;
    const catalogs = follow();
    const app = await createPullServer({
      version: '0',
      logger: silent,
      policy: { current: policy, inForce: true },
      connect,
      catalogs,
    });
    try {
      assert.equal((await app.inject('/readyz')).statusCode, 503);
      await catalogs.read();
      const ready = await app.inject('/readyz');
      assert.equal(ready.statusCode, 200);
      assert.deepEqual(ready.json().catalogs, [
        { reference: 'registry.test/security/catalog:latest', problem: 'Unavailable' },
      ]);
    } finally {
      await app.close();
    }
  });

  it('is read in pages behind the longest names, and counts the most frequent values', async () => {
    const images = (from: number) => Array.from({ length: 60 }, (_, at) => `r.test/i${from + at}`);
    const long = `registry.test/${'z'.repeat(240)}`;
    const of = (name: string, from: number) => [
      catalogEntry({ of: name, annotations: { 'dev.fairlead.profile.images': images(from).join(',') } }),
    ];
    await push(of(`${long}1`, 0), of(`${long}2`, 60));
    const catalogs = follow();
    await catalogs.read();
    const current = { current: policy, inForce: true };
    const app = await createPullServer({ version: '0', logger: log, policy: current, connect, catalogs });
    try {
      const first = (await app.inject('/v1/catalogs/profiles?limit=1')).json();
      assert.equal(first.facets.image.length, 100);
      const second = await app.inject(`/v1/catalogs/profiles?limit=1&after=${first.next}`);
      assert.equal(second.json().profiles?.[0].repository, `${long}2`, second.body);
    } finally {
      await app.close();
    }
  });

  it('is searched and listed by the API in pages, and served by the mirror', async () => {
    await push(nginx, redis);
    const catalogs = follow();
    await catalogs.read();
    const current = { current: policy, inForce: true };
    const app = await createPullServer({ version: '0', logger: silent, policy: current, connect, catalogs });
    try {
      const get = async (url: string) => {
        const response = await app.inject(url);
        assert.equal(response.statusCode, 200, response.body);
        return response.json();
      };
      const first = await get('/v1/catalogs/profiles?limit=1');
      assert.deepEqual([first.total, first.profiles[0].repository], [2, 'registry.test/acme/nginx']);
      assert.equal(first.profiles[0].versions, 2);
      const second = await get(`/v1/catalogs/profiles?limit=1&after=${encodeURIComponent(first.next)}`);
      assert.deepEqual([second.profiles[0].name, second.next], ['redis', undefined]);
      assert.equal((await get('/v1/catalogs/profiles?kind=AppArmor')).total, 1);
      assert.equal((await get('/v1/catalogs/profiles?text=ngi')).total, 1);
      const page = await get('/v1/catalogs/versions?repository=registry.test/acme/nginx&limit=1');
      assert.deepEqual([page.total, page.versions[0].tags], [2, ['1.1.0', 'latest']]);
      const rest = await get(`/v1/catalogs/versions?repository=registry.test/acme/nginx&after=${page.next}`);
      assert.deepEqual([rest.versions[0].tags, rest.next], [['1.0.0'], undefined]);
      const state = (await get('/v1/catalogs')).catalogs[0];
      assert.deepEqual([state.profiles, state.versions], [2, 3]);

      const names = (await get('/v2/_catalog?n=1')).repositories;
      assert.deepEqual(names, ['registry.test/acme/nginx']);
      const root = await app.inject('/v2/registry.test/security/catalog/manifests/latest');
      assert.equal(root.headers['docker-content-digest'], state.digest);
      const [shard] = root.json().manifests;
      const manifest = await get(`/v2/registry.test/security/catalog/manifests/${shard.digest}`);
      const layer = await app.inject(`/v2/registry.test/security/catalog/blobs/${manifest.layers[0].digest}`);
      assert.equal(layer.statusCode, 200, layer.body);
      const { manifests } = await get(`/v2/registry.test/security/catalog/referrers/${state.digest}`);
      assert.equal(manifests.length, 1);
    } finally {
      await app.close();
    }
  });
});
