import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openFileLock } from './file-lock.ts';
import { makeDirectory } from './make-directory.ts';
import { writeWhole } from './write-whole.ts';

describe('lib/files', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-files-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('creates a directory and its parents, and does not change an existing one', async () => {
    const path = join(directory, 'a', 'b', 'c');
    await Promise.all(Array.from({ length: 20 }, () => makeDirectory(path, 0o700)));
    for (const made of [path, join(directory, 'a')]) assert.equal((await stat(made)).mode & 0o777, 0o700);
    await makeDirectory(path);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
    await writeFile(join(directory, 'a', 'file'), '');
    await assert.rejects(makeDirectory(join(directory, 'a', 'file')), { code: 'EEXIST' });
    await assert.rejects(makeDirectory(join(directory, 'a', 'file', 'below')), { code: 'ENOTDIR' });
    await rm(join(directory, 'a'), { recursive: true });
  });

  it('ends if no directory can be created: in one that was removed', { timeout: 20_000 }, async () => {
    const gone = join(directory, 'gone');
    const script = `
      import { mkdirSync, rmdirSync } from 'node:fs';
      import { makeDirectory } from ${JSON.stringify(join(import.meta.dirname, 'make-directory.ts'))};
      mkdirSync(${JSON.stringify(gone)});
      process.chdir(${JSON.stringify(gone)});
      rmdirSync(${JSON.stringify(gone)});
      process.exitCode = await makeDirectory('some/where').then(() => 1, ({ code }) => (code === 'ENOENT' ? 0 : 2));`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: 'inherit',
      timeout: 10_000,
      killSignal: 'SIGKILL',
    });
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('writes a file with its mode, from bytes and from pieces', async () => {
    const path = join(directory, 'whole');
    await writeWhole(path, Buffer.from('bytes'), { temporaryDirectory: directory, mode: 0o600 });
    assert.equal(await readFile(path, 'utf8'), 'bytes');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const pieces = (async function* () {
      yield Buffer.from('in ');
      yield Buffer.from('pieces');
    })();
    await writeWhole(path, pieces, { temporaryDirectory: directory, mode: 0o600 });
    assert.equal(await readFile(path, 'utf8'), 'in pieces');
  });

  it('keeps the old content, and nothing else, if writing the new one fails', async () => {
    const path = join(directory, 'kept');
    await writeFile(path, 'old');
    const names = await readdir(directory);
    const failing = (async function* () {
      yield Buffer.from('new');
      throw new Error('the source went away');
    })();
    await assert.rejects(writeWhole(path, failing, { temporaryDirectory: directory, mode: 0o600 }), /went away/);
    assert.equal(await readFile(path, 'utf8'), 'old');
    assert.deepEqual(await readdir(directory), names);
  });

  it('leaves no temporary file for a write that has just begun when a signal ends the process', async () => {
    const folder = join(directory, 'stopped');
    await makeDirectory(folder);
    const url = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
    // What opens files is busy until they have been removed.
    const program = `
      const { writeWhole } = await import(${url('./write-whole.ts')});
      const { removeUnfinished } = await import(${url('./unfinished.ts')});
      const { pbkdf2 } = await import('node:crypto');
      const [, folder] = process.argv;
      async function* endless() { yield Buffer.from('a part'); await new Promise(() => undefined); }
      pbkdf2('a', 'b', 200_000, 32, 'sha512', () => setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100));
      writeWhole(folder + '/file', endless(), { temporaryDirectory: folder, mode: 0o600 }).catch(() => undefined);
      removeUnfinished();`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program, folder], {
      env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
      stdio: 'inherit',
    });
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
    assert.deepEqual(await readdir(folder), []);
  });

  it('has one holder at a time, and none after a process with the lock was killed', async () => {
    const path = join(directory, 'lock');
    const [first, second] = [await openFileLock(path), await openFileLock(path)];
    assert.equal(first.tryHold(), true);
    assert.equal(second.tryHold(), false);
    first.release();
    assert.equal(second.tryHold(), true);
    second.release();

    const program = `const {openFileLock} = await import(${JSON.stringify(new URL('./file-lock.ts', import.meta.url).href)});
      const lock = await openFileLock(${JSON.stringify(path)}); console.log(lock.tryHold()); setInterval(() => lock, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.equal(String((await once(child.stdout, 'data'))[0]).trim(), 'true');
    const third = await openFileLock(path);
    assert.equal(third.tryHold(), false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(third.tryHold(), true);
    third.release();
  });
});
