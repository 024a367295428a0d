import assert from 'node:assert/strict';
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseKernelLog, readKernelLog } from './read-kernel-log.ts';

describe('the log of the kernel', () => {
  it('has the texts of records, without their other lines', () => {
    const records = ['6,0,0,-;Linux version 6.1', '5,1,4681200661,-,caller=T1;audit: type=1326 a;b\n SUBSYSTEM=x\n'];
    const texts = ['Linux version 6.1', 'audit: type=1326 a;b'];
    assert.deepEqual(parseKernelLog(records), { texts, isOverwritten: false });
  });

  it('has no record that a program has written', () => {
    assert.deepEqual(parseKernelLog(['13,0,5,-;audit: type=1326 x', '8,1,5,-;y', '7,2,6,-;z', 'w']).texts, ['z']);
  });

  it('is overwritten if it does not begin with the first record, or lacks one', () => {
    assert.ok(parseKernelLog(['6,7,0,-;a', '6,8,0,-;b']).isOverwritten);
    assert.ok(parseKernelLog(['6,0,0,-;a', '6,2,0,-;b']).isOverwritten);
    assert.deepEqual(parseKernelLog([]), { texts: [], isOverwritten: false });
  });

  it('is read to its end, and errors are thrown', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-kernel-log-'));
    const path = join(directory, 'kmsg');
    await assert.rejects(readKernelLog(path), { code: 'ENOENT' });
    await writeFile(path, '6,0,0,-;a\n');
    assert.deepEqual(await readKernelLog(path), { texts: ['a'], isOverwritten: false });
    await assert.rejects(readKernelLog(directory), { code: 'EISDIR' });
    const open = await Promise.all(
      (await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')),
    );
    assert.deepEqual(
      open.filter((file) => file.startsWith(directory)),
      [],
    );
    await rm(directory, { recursive: true });
  });
});
