import assert from 'node:assert/strict';
import { chmod, chown, glob, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { startTufRepository, type TufServer } from '#test/support/sigstore/tuf-repository';
import { cacheFolder, fetchTufTarget, type TufRepository } from './tuf-target.ts';

const hour = 3_600_000;

describe('fetchTufTarget', () => {
  let folder: string;
  let server: TufServer;
  let repository: TufRepository;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-tuf-'));
    server = await startTufRepository({ 'trusted_root.json': 'first' });
    repository = repositoryOf(server);
  });
  afterEach(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const repositoryOf = ({ url, root }: TufServer): TufRepository => ({ mirror: url, root });

  const fetchTarget = async (hours: number, of = repository, name = 'trusted_root.json') =>
    Buffer.from(
      await fetchTufTarget(of, name, { cacheFolder: join(folder, 'cache'), now: () => Date.now() + hours * hour }),
    ).toString();

  /** Makes what is cached older. */
  async function age(hours: number): Promise<void> {
    for (const entry of await readdir(join(folder, 'cache'), { recursive: true, withFileTypes: true })) {
      const then = new Date(Date.now() - hours * hour);
      if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), then, then);
    }
  }

  it('fetches a target, and asks the network only once in a while', async () => {
    assert.equal(await fetchTarget(0), 'first');
    const asked = server.requests.length;
    assert.equal(await fetchTarget(0.9), 'first');
    assert.equal(await fetchTarget(2), 'first');
    assert.equal(server.requests.length, asked, 'within a day the cache answers');
    await fetchTarget(30);
    assert.ok(server.requests.length > asked, 'after a day it is asked again');
  });

  it('asks the network where the cache is from a time that has not come yet', async () => {
    assert.equal(await fetchTarget(0), 'first');
    await age(-48);
    server.publish({ 'trusted_root.json': 'second' });
    assert.equal(await fetchTarget(2), 'second', 'a clock that was wrong must not keep what was revoked since');
    assert.equal(await fetchTarget(-2), 'second');
  });

  it('works with the network gone, from what was verified before', async () => {
    assert.equal(await fetchTarget(0), 'first');
    await server.stop();
    assert.equal(await fetchTarget(2), 'first');
    await age(100);
    assert.equal(await fetchTarget(4), 'first');
  });

  it('takes nothing that is signed by others, and keeps to the copy it has', async () => {
    const forged = await startTufRepository({ 'trusted_root.json': 'forged' });
    try {
      const misled = { ...repository, mirror: forged.url };
      await assert.rejects(fetchTarget(0, misled), { kind: 'Unavailable', message: /cannot get trusted_root\.json/ });
      const own = repositoryOf(forged);
      assert.equal(await fetchTarget(2, own), 'forged');
      await assert.rejects(
        fetchTarget(4, misled),
        { kind: 'Unavailable' },
        'what was cached under another root is not taken',
      );
    } finally {
      await forged.stop();
    }
  });

  it('takes what is published later, and keeps nothing that was dropped', async () => {
    assert.equal(await fetchTarget(0), 'first');
    server.publish({ 'trusted_root.json': 'second' });
    assert.equal(await fetchTarget(30), 'second');
    server.publish({ 'other.json': 'third' });
    await assert.rejects(fetchTarget(60), { kind: 'Unavailable', message: /cannot get trusted_root\.json/ });
  });

  it('follows root metadata that was rotated, and takes 404 and 403 for the end of it', async () => {
    assert.equal(await fetchTarget(0), 'first');
    server.rotate();
    server.rotate();
    server.publish({ 'trusted_root.json': 'second' });
    assert.equal(await fetchTarget(30), 'second');
    server.rotate();
    server.answer('/5.root.json', 403);
    server.publish({ 'trusted_root.json': 'third' });
    assert.equal(await fetchTarget(60), 'third');
    assert.deepEqual(
      server.requests.filter((path) => /^\/\d+\.root\.json$/.test(path)),
      ['/2.root.json', '/2.root.json', '/3.root.json', '/4.root.json', '/4.root.json', '/5.root.json'],
    );
  });

  it('keeps to the copy it has if newer root metadata is out of reach, forged or without end', async () => {
    assert.equal(await fetchTarget(0), 'first');
    server.publish({ 'trusted_root.json': 'second' });
    server.answer('/2.root.json', 418);
    assert.equal(await fetchTarget(30), 'first');
    const forged = await startTufRepository({});
    forged.rotate();
    const { body } = await fetch(`${forged.url}/2.root.json`).then(async (answer) => ({ body: await answer.text() }));
    await forged.stop();
    server.answer('/2.root.json', 200, body);
    assert.equal(await fetchTarget(60), 'first');
    for (let version = 2; version < 400; version++) server.answer(`/${version}.root.json`, 200, Buffer.alloc(400_000));
    const asked = server.requests.length;
    assert.equal(await fetchTarget(90), 'first');
    assert.ok(server.requests.length - asked < 50, `${server.requests.length - asked} requests`);
  });

  it('recovers from damaged metadata in the cache, also if the root was rotated since', async () => {
    assert.equal(await fetchTarget(0), 'first');
    server.rotate();
    server.publish({ 'trusted_root.json': 'second' });
    const asked = server.requests.length;
    const damaged: string[] = [];
    for await (const path of glob('**/timestamp.json', { cwd: folder })) damaged.push(path);
    assert.equal(damaged.length, 1);
    for (const path of damaged) await writeFile(join(folder, path), '{"signed"');
    assert.equal(await fetchTarget(2), 'second');
    assert.equal(server.requests[asked], '/2.root.json', 'the root is asked for before anything else');
  });

  it('says so where there is neither network nor copy, or no such target', async () => {
    await assert.rejects(fetchTarget(0, repository, 'other.json'), { kind: 'Unavailable', message: /other\.json/ });
    await server.stop();
    await assert.rejects(fetchTarget(0), { kind: 'Unavailable' });
  });

  it('knows the public trusted root from the start', async () => {
    const network = { proxy: { https: 'http://127.0.0.1:1' } };
    const dependencies = { cacheFolder: join(folder, 'cache'), now: Date.now, network };
    const { mediaType } = JSON.parse(
      Buffer.from(await fetchTufTarget('public', 'trusted_root.json', dependencies)).toString(),
    );
    assert.match(mediaType, /trustedroot/);
  });

  it('says so where the cache cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    const dependencies = { cacheFolder: join(folder, 'file', 'cache'), now: Date.now };
    await assert.rejects(fetchTufTarget(repository, 'trusted_root.json', dependencies), {
      kind: 'InvalidInput',
      message: /cannot write the cache folder/,
    });
  });

  it('trusts nothing that others may have put into the cache', async (t) => {
    const cache = join(folder, 'cache');
    assert.equal(await fetchTarget(0), 'first');
    const [trust = ''] = await readdir(cache);
    for (const loose of [cache, join(cache, trust)]) {
      assert.equal((await stat(loose)).mode & 0o077, 0, 'whatever the umask');
      await chmod(loose, 0o777);
      await assert.rejects(fetchTarget(2), { kind: 'InvalidInput', message: /others than this user may write/ });
      await chmod(loose, 0o700);
    }
    assert.equal(await fetchTarget(4), 'first');
    // Root can give it to somebody; who is not has to be somebody else.
    if (process.geteuid?.() === 0) await chown(cache, 4_000_000, 4_000_000);
    else t.mock.property(process, 'geteuid', () => 4_000_000);
    await assert.rejects(fetchTarget(6), { kind: 'InvalidInput', message: /others than this user may write/ });
  });
});

describe('cacheFolder', () => {
  it('is in no checkout, which would bring along whom to trust', async (t) => {
    const checkout = await mkdtemp(join(tmpdir(), 'fairlead-checkout-'));
    t.after(() => rm(checkout, { recursive: true }));
    const XDG_CACHE_HOME = join(checkout, 'deep', '.cache');
    assert.equal(cacheFolder({ XDG_CACHE_HOME }), join(XDG_CACHE_HOME, 'fairlead', 'tuf'));
    await writeFile(join(checkout, '.git'), 'gitdir: elsewhere'); // as in a worktree
    assert.equal(cacheFolder({ XDG_CACHE_HOME }), cacheFolder({}));
  });

  it('is where systemd, XDG or the home say', () => {
    assert.equal(
      cacheFolder({ CACHE_DIRECTORY: '/var/cache/fairlead:/b', XDG_CACHE_HOME: '/x' }),
      '/var/cache/fairlead/tuf',
    );
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x' }), '/x/fairlead/tuf');
    for (const env of [{}, { XDG_CACHE_HOME: 'of/the/working/folder' }])
      assert.match(cacheFolder(env), /^\/.*\/\.cache\/fairlead\/tuf$/);
  });
});
