import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { openFileLock } from '#lib/files/file-lock';
import { digestOf } from '#lib/registry/digest';
import { openStore, type Store } from './store.ts';

const artifact = packArtifact({ kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } }, { layout: 'runtime' });
const pulled = { artifact, kind: 'Seccomp', repository: 'localhost:5000/a', signatures: [] } as const;
const { digest } = artifact.descriptor;
const isRoot = process.getuid?.() === 0;

describe('the state directory belongs to its owner alone:', () => {
  let directory: string;
  let root: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-store-'));
    await chmod(directory, 0o755);
    root = join(directory, 'state');
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function fill(): Promise<void> {
    const store = await openStore(root, { log: assert.fail });
    await store.put(pulled);
    await store.effective.put(Buffer.from('{}'));
    await store.uses.put('container', { artifacts: [digest] });
    await store.close();
  }

  const entries = async () =>
    (await readdir(root, { withFileTypes: true, recursive: true })).map((entry) => ({
      path: join(entry.parentPath, entry.name),
      isFolder: entry.isDirectory(),
    }));

  async function assertPrivate(): Promise<void> {
    assert.equal((await lstat(root)).mode & 0o777, 0o700);
    const found = await entries();
    assert.ok(found.length > 12);
    for (const { path, isFolder } of found) {
      assert.equal((await lstat(path)).mode & 0o777, isFolder ? 0o700 : 0o600, path);
    }
  }

  it('files have mode 0600 and directories 0700, whatever the umask', async () => {
    const mask = process.umask(0);
    try {
      await fill();
    } finally {
      process.umask(mask);
    }
    await assertPrivate();
  });

  it('what an older release left readable is tightened, and kept', async () => {
    await fill();
    await chmod(root, 0o711);
    for (const { path, isFolder } of await entries()) await chmod(path, isFolder ? 0o755 : 0o644);
    const store = await openStore(root, { log: assert.fail });
    assert.ok(store.get(digest));
    await store.check();
    await assertPrivate();
    await assert.rejects(openStore(root), { kind: 'Conflict' });
    await store.close();
    await fill();
  });

  it('a lock that another user can open cannot be held against it', async () => {
    await fill();
    const path = join(root, 'lock');
    await chmod(path, 0o644);
    // Opened while that was allowed, locked once the shim is gone: the way of SQLite is as good as
    // any other.
    const program = `
      const { DatabaseSync } = await import('node:sqlite');
      const database = new DatabaseSync(${JSON.stringify(path)}, { readOnly: true, timeout: 0 });
      database.exec('SELECT * FROM sqlite_schema');
      console.log('open');
      process.stdin.once('data', () => {
        database.exec('BEGIN; SELECT * FROM sqlite_schema');
        console.log('locked');
      });`;
    const other = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      assert.equal(String((await once(other.stdout, 'data'))[0]).trim(), 'open');
      await fill();
      other.stdin.write('now\n');
      assert.equal(String((await once(other.stdout, 'data'))[0]).trim(), 'locked');
      await fill();
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
    await assertPrivate();
  });

  it('a lock of an older release that is held stays held', async () => {
    await fill();
    const path = join(root, 'lock');
    await chmod(path, 0o644);
    const { ino } = await lstat(path);
    const older = await openFileLock(path);
    assert.equal(older.tryHold(), true);
    await assert.rejects(openStore(root), { kind: 'Conflict', hint: /fuser/ });
    assert.equal((await lstat(path)).ino, ino);
    older.release();
    await fill();
  });

  it('another user can open nothing of it', {
    skip: isRoot ? false : 'to become another user needs root',
  }, async () => {
    await fill();
    for (const path of [root, ...(await entries()).map((entry) => entry.path)]) {
      // head reads directories as little as files, but says so in other words.
      const { status, stderr } = spawnSync('head', ['-c', '1', path], { uid: 65534, gid: 65534, encoding: 'utf8' });
      assert.equal(status, 1, path);
      assert.match(stderr, /Permission denied/, path);
    }
  });

  it('a directory of it that is another user’s is refused', { skip: isRoot ? false : 'chown needs root' }, async () => {
    await fill();
    for (const name of ['blobs', 'blobs/sha256', 'effective', 'uses']) {
      await chown(join(root, name), 65534, 65534);
      await assert.rejects(openStore(root), { kind: 'InvalidInput', message: /may write/, hint: /chown -R/ }, name);
      await chown(join(root, name), 0, 0);
    }
    await fill();
  });

  it('a file that others own or may write to is dropped', async () => {
    await fill();
    const dropped = (await entries()).filter(({ path, isFolder }) => !isFolder && !path.endsWith('lock'));
    for (const { path } of dropped) {
      if (isRoot) await chown(path, 65534, 65534);
      else await chmod(path, 0o666);
    }
    const said: string[] = [];
    const store = await openStore(root, { log: (message) => said.push(message) });
    await store.check();
    assert.deepEqual(await store.list(), []);
    assert.equal(said.filter((message) => message.includes('others than this user')).length, dropped.length);
    await store.close();
    await fill();
    await assertPrivate();
  });
});

describe('what no store writes, in a state directory:', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'fairlead-store-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const blobs = artifact.blobs.map(({ descriptor }) => descriptor.digest);
  const places = [digest, ...blobs].map((each) => join('blobs', 'sha256', each.slice(7)));
  const effective = join('effective', `${digestOf(Buffer.from('{}')).slice(7)}.json`);
  const all = [...places, join('artifacts', `${digest.slice(7)}.json`), effective, join('uses', 'container')];

  async function fill(store: Store): Promise<void> {
    await store.put(pulled);
    await store.effective.put(Buffer.from('{}'));
    await store.uses.put('container', { artifacts: [digest] });
    assert.deepEqual((await store.uses.of(async () => new Set(['container']))).artifacts, new Set([digest]));
    assert.ok(store.get(digest));
    await store.close();
  }

  /** Puts a directory with something in it, or a link to what was there, in the place of a file. */
  async function replace(name: string, by: 'directory' | 'link'): Promise<void> {
    const path = join(root, name);
    await rename(path, join(root, 'aside'));
    if (by === 'link') return symlink(join(root, 'aside'), path);
    await mkdir(join(path, 'below'), { recursive: true });
    await writeFile(join(path, 'below', 'file'), 'x');
  }

  for (const by of ['directory', 'link'] as const) {
    it(`a ${by} in the place of a file is dropped when the store is verified`, async () => {
      await fill(await openStore(root));
      for (const name of all) {
        await replace(name, by);
        const said: string[] = [];
        const store = await openStore(root, { log: (message) => said.push(message) });
        await store.check();
        await fill(store);
        assert.match(said[0] ?? '', /removed, it is not a file/, name);
        assert.ok((await lstat(join(root, name))).isFile(), name);
      }
    });

    it(`a ${by} in the place of a file is replaced by the next put`, async () => {
      await fill(await openStore(root));
      const store = await openStore(root);
      for (const name of all) {
        await replace(name, by);
        await store.put(pulled);
        await store.effective.put(Buffer.from('{}'));
        await store.uses.put('container', { artifacts: [digest] });
        assert.ok((await lstat(join(root, name))).isFile(), name);
      }
      await store.close();
    });
  }
});
