import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
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
