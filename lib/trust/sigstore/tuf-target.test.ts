import assert from 'node:assert/strict';
import { chmod, chown, glob, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { startTufRepository, type TufServer } from '#test/support/sigstore/tuf-repository';
import { cacheDirectory, fetchTufTarget, type TufRepository } from './tuf-target.ts';

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
      await fetchTufTarget(of, name, { cacheDirectory: join(folder, 'cache'), now: () => Date.now() + hours * hour }),
    ).toString();

  /** Makes the cached files older. */
  async function age(hours: number): Promise<void> {
    for (const entry of await readdir(join(folder, 'cache'), { recursive: true, withFileTypes: true })) {
      const then = new Date(Date.now() - hours * hour);
      if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), then, then);
    }
  }

  it('fetches a target, and asks the network only from time to time', async () => {
    assert.equal(await fetchTarget(0), 'first');
    const asked = server.requests.length;
    assert.equal(await fetchTarget(0.9), 'first');
    assert.equal(await fetchTarget(2), 'first');
    assert.equal(server.requests.length, asked, 'within a day the cache answers');
    await fetchTarget(30);
    assert.ok(server.requests.length > asked, 'after a day it is asked again');
  });

  it('asks the network if the cache is from the future', async () => {
    assert.equal(await fetchTarget(0), 'first');
    await age(-48);
    server.publish({ 'trusted_root.json': 'second' });
    assert.equal(await fetchTarget(2), 'second', 'a clock that was wrong must not keep what was revoked since');
    assert.equal(await fetchTarget(-2), 'second');
  });

  it('works without network, with the copy that was verified last', async () => {
    assert.equal(await fetchTarget(0), 'first');
    await server.stop();
    assert.equal(await fetchTarget(2), 'first');
    await age(100);
    assert.equal(await fetchTarget(4), 'first');
  });

  it('accepts nothing that others signed, and keeps the copy it has', async () => {
    const forged = await startTufRepository({ 'trusted_root.json': 'forged' });
    try {
      const misled = { ...repository, mirror: forged.url };
      await assert.rejects(fetchTarget(0, misled), { kind: 'Unavailable', message: /cannot get trusted_root\.json/ });
      const own = repositoryOf(forged);
      assert.equal(await fetchTarget(2, own), 'forged');
      await assert.rejects(
        fetchTarget(4, misled),
        { kind: 'Unavailable' },
        'files that were cached under another root are not trusted',
      );
    } finally {
      await forged.stop();
    }
  });

  it('fetches new versions, and keeps no target that was removed', async () => {
    assert.equal(await fetchTarget(0), 'first');
    server.publish({ 'trusted_root.json': 'second' });
    assert.equal(await fetchTarget(30), 'second');
    server.publish({ 'other.json': 'third' });
    await assert.rejects(fetchTarget(60), { kind: 'Unavailable', message: /cannot get trusted_root\.json/ });
  });

  it('follows rotated root metadata, and ends at status 404 or 403', async () => {
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

  it('keeps the copy it has if newer root metadata is unreachable, forged or endless', async () => {
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

  it('recovers from damaged metadata in the cache, even if the root was rotated since', async () => {
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

  it('fails if there is neither network nor copy, or no such target', async () => {
    await assert.rejects(fetchTarget(0, repository, 'other.json'), { kind: 'Unavailable', message: /other\.json/ });
    await server.stop();
    await assert.rejects(fetchTarget(0), { kind: 'Unavailable' });
  });

  it('has the public trusted root without network', async () => {
    const network = { proxy: { https: 'http://127.0.0.1:1' } };
    const dependencies = { cacheDirectory: join(folder, 'cache'), now: Date.now, network };
    const { mediaType } = JSON.parse(
      Buffer.from(await fetchTufTarget('public', 'trusted_root.json', dependencies)).toString(),
    );
    assert.match(mediaType, /trustedroot/);
  });

  it('writes to the cache only, and leaves nothing there but metadata and targets', async (t) => {
    const before = process.env['TMPDIR'];
    t.after(() => {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    });
    process.env['TMPDIR'] = '/nonexistent';
    assert.equal(await fetchTarget(0), 'first');
    server.publish({ 'trusted_root.json': 'second' });
    assert.equal(await fetchTarget(30), 'second');
    const entries = await readdir(join(folder, 'cache'), { recursive: true, withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    const metadata = ['root.json', 'snapshot.json', 'targets.json', 'timestamp.json'];
    assert.deepEqual(names.sort(), [...metadata, 'trusted_root.json']);
    assert.deepEqual(
      entries.filter((entry) => entry.isDirectory() && entry.name.startsWith('download')),
      [],
    );
  });

  it('accepts no target that is longer than the metadata specifies', async () => {
    assert.equal(await fetchTarget(0), 'first');
    server.publish({ 'trusted_root.json': 'second' });
    server.answer('/targets/trusted_root.json', 200, 'second, and much more than that');
    assert.equal(await fetchTarget(30), 'first');
  });

  it('fails if the cache is not writable', async () => {
    await writeFile(join(folder, 'file'), '');
    const dependencies = { cacheDirectory: join(folder, 'file', 'cache'), now: Date.now };
    await assert.rejects(fetchTufTarget(repository, 'trusted_root.json', dependencies), {
      kind: 'InvalidInput',
      message: /cannot write to the cache directory/,
    });
  });

  it('does not trust a cache that others may write to', async (t) => {
    const cache = join(folder, 'cache');
    assert.equal(await fetchTarget(0), 'first');
    const [trust = ''] = await readdir(cache);
    for (const loose of [cache, join(cache, trust)]) {
      assert.equal((await stat(loose)).mode & 0o077, 0, 'whatever the umask');
      await chmod(loose, 0o777);
      await assert.rejects(fetchTarget(2), { kind: 'InvalidInput', message: /other users may write/ });
      await chmod(loose, 0o700);
    }
    assert.equal(await fetchTarget(4), 'first');
    // Root can change the owner; any other user has to appear under another ID.
    if (process.geteuid?.() === 0) await chown(cache, 4_000_000, 4_000_000);
    else t.mock.property(process, 'geteuid', () => 4_000_000);
    await assert.rejects(fetchTarget(6), { kind: 'InvalidInput', message: /other users may write/ });
  });
});

describe('cacheDirectory', () => {
  it('is not in a checkout, which would determine whom to trust', async (t) => {
    const checkout = await mkdtemp(join(tmpdir(), 'fairlead-checkout-'));
    t.after(() => rm(checkout, { recursive: true }));
    const XDG_CACHE_HOME = join(checkout, 'deep', '.cache');
    assert.equal(cacheDirectory({ XDG_CACHE_HOME }), join(XDG_CACHE_HOME, 'fairlead', 'tuf'));
    await writeFile(join(checkout, '.git'), 'gitdir: elsewhere'); // as in a worktree
    assert.equal(cacheDirectory({ XDG_CACHE_HOME }), cacheDirectory({}));
  });

  it('follows systemd, XDG or the home directory', () => {
    assert.equal(
      cacheDirectory({ CACHE_DIRECTORY: '/var/cache/fairlead:/b', XDG_CACHE_HOME: '/x' }),
      '/var/cache/fairlead/tuf',
    );
    assert.equal(cacheDirectory({ XDG_CACHE_HOME: '/x' }), '/x/fairlead/tuf');
    for (const env of [{}, { XDG_CACHE_HOME: 'of/the/working/folder' }])
      assert.match(cacheDirectory(env), /^\/.*\/\.cache\/fairlead\/tuf$/);
  });
});
