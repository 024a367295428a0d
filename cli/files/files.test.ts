import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmod,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { describePeers } from '#test/peers/require';
import { readInput, readText, replaceFile, writeNewFile } from './files.ts';

describe('files named on the command line', () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-files-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('are read up to a limit', async () => {
    await writeFile(file('ten'), '0123456789');
    assert.equal(Buffer.from(await readInput(file('ten'), 10)).toString(), '0123456789');
    await assert.rejects(readInput(file('ten'), 9), { kind: 'LimitExceeded', message: /ten/ });
    await assert.rejects(readInput(file('none'), 9), { kind: 'InvalidInput', message: /none/ });
    await assert.rejects(readInput(folder, 1 << 20), { kind: 'InvalidInput' });
  });

  it('are read up to a limit if they are pipes and devices, which have no size', async () => {
    await assert.rejects(readInput('/dev/zero', 100_000), { kind: 'LimitExceeded', message: /\/dev\/zero/ });
    assert.equal((await readInput('/dev/null', 1)).length, 0);
    execFileSync('mkfifo', [file('pipe')]);
    const [read] = await Promise.all([readInput(file('pipe'), 10), writeFile(file('pipe'), '0123456789')]);
    assert.equal(Buffer.from(read).toString(), '0123456789');
  });

  it('that cannot be read or written are named in an error with a hint', async () => {
    const hint = /Name a file|Check the path/;
    await assert.rejects(readInput(file('none'), 9), { kind: 'InvalidInput', message: /cannot read .*none/, hint });
    await assert.rejects(readInput(folder, 1 << 20), { kind: 'InvalidInput', hint });
    await assert.rejects(readText(join(folder, 'no', 'key')), { kind: 'InvalidInput', hint });
    await assert.rejects(readText(''), { message: 'cannot read a file with an empty name', hint });
    await assert.rejects(replaceFile(folder, Buffer.from('x')), { kind: 'InvalidInput', hint });
    await assert.rejects(writeNewFile(join(folder, 'no', 'key'), 'x', 0o600), { kind: 'InvalidInput', hint });
  });

  it('are replaced completely, and no temporary file is left', async () => {
    await writeFile(file('old'), 'old');
    await replaceFile(file('old'), Buffer.from('new'));
    assert.equal(await readFile(file('old'), 'utf8'), 'new');
    await assert.rejects(replaceFile(join(folder, 'no/such'), Buffer.from('x')), {
      kind: 'InvalidInput',
      message: /no\/such/,
    });
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  it('are written behind links, which stay', async () => {
    await mkdir(file('elsewhere'));
    await symlink('elsewhere/target', file('link'));
    await symlink(file('link'), file('link-to-link'));
    for (const [name, content] of [
      ['link', 'first'],
      ['link-to-link', 'second'],
    ] as const) {
      await replaceFile(file(name), Buffer.from(content));
      assert.equal(await readFile(file('elsewhere/target'), 'utf8'), content);
      assert((await lstat(file(name))).isSymbolicLink());
    }
    assert.deepEqual(await readdir(file('elsewhere')), ['target']);
    await symlink('circle', file('circle'));
    await assert.rejects(replaceFile(file('circle'), Buffer.from('x')), { kind: 'InvalidInput', hint: /loop/ });
  });

  it('are written to and not replaced if they are devices and pipes', async () => {
    await symlink('/dev/null', file('nothing'));
    await replaceFile(file('nothing'), Buffer.from('x'));
    assert((await stat(file('nothing'))).isCharacterDevice());
    await symlink('/dev/full', file('full'));
    await assert.rejects(replaceFile(file('full'), Buffer.from('x')), {
      kind: 'InvalidInput',
      message: /^cannot write .*full$/,
      hint: /disk is full/,
    });
    assert((await lstat(file('full'))).isSymbolicLink());
    execFileSync('mkfifo', [file('out')]);
    const [, read] = await Promise.all([replaceFile(file('out'), Buffer.from('through')), readFile(file('out'))]);
    assert.equal(read.toString(), 'through');
    assert((await lstat(file('out'))).isFIFO());
  });

  it('are written to if they are open, also as a link to the descriptor', async () => {
    await writeFile(file('open'), 'longer than that');
    const handle = await open(file('open'), 'r+');
    await symlink(`/proc/self/fd/${handle.fd}`, file('opened'));
    for (const path of [`/dev/fd/${handle.fd}`, file('opened')]) {
      await replaceFile(path, Buffer.from(path));
      assert.equal(await readFile(file('open'), 'utf8'), path);
    }
    await handle.close();
  });

  describePeers(['root'], 'in a directory that everybody can write to', () => {
    it('are not written through a link or a pipe that another user made where everybody can', async () => {
      await mkdir(file('shared'));
      await chmod(file('shared'), 0o1777);
      await writeFile(file('victim'), 'old');
      await symlink(file('victim'), file('shared/link'));
      execFileSync('mkfifo', [file('shared/pipe')]);
      for (const name of ['link', 'pipe']) {
        await replaceFile(file('victim'), Buffer.from('old'));
        await lchown(file(`shared/${name}`), 65534, 65534);
        await assert.rejects(replaceFile(file(`shared/${name}`), Buffer.from('x')), {
          kind: 'InvalidInput',
          message: /belongs to user 65534/,
          hint: /directory of your own/,
        });
      }
      assert.equal(await readFile(file('victim'), 'utf8'), 'old');
      await lchown(file('shared/link'), 0, 0);
      await replaceFile(file('shared/link'), Buffer.from('mine'));
      assert.equal(await readFile(file('victim'), 'utf8'), 'mine');
    });
  });

  it('that cannot be written are named without the temporary file', async () => {
    await assert.rejects(replaceFile(file('no/such'), Buffer.from('x')), (error: Error) => {
      assert.equal((error.cause as Error).message, `ENOENT: no such file or directory, open '${file('no/such')}'`);
      return true;
    });
    await mkdir(file('taken'));
    await assert.rejects(replaceFile(file('taken'), Buffer.from('x')), (error: Error) => {
      assert.match((error.cause as Error).message, new RegExp(`'${file('taken')}'$`));
      assert.doesNotMatch((error.cause as Error).message, /[0-9a-f]{24}/);
      return true;
    });
  });

  it('are not replaced if they must be new', async () => {
    await writeNewFile(file('key'), 'secret', 0o600);
    assert.equal((await stat(file('key'))).mode & 0o777, 0o600);
    await assert.rejects(writeNewFile(file('key'), 'other', 0o600), {
      kind: 'Conflict',
      message: /key already exists/,
    });
    assert.equal(await readFile(file('key'), 'utf8'), 'secret');
  });
});
