import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { run, succeeded } from '#test/support/cli/run';
import { digestFiles, renderSums } from './sums.ts';

describe('SHA256SUMS', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-sums-'));
    for (const name of ['b.deb', 'a.tar.gz', 'fairlead_1.0.0~rc.1_amd64.deb'])
      await writeFile(join(directory, name), name);
    for (const name of ['SHA256SUMS', 'SHA256SUMS.sigstore.json', 'fairlead.provenance.json'])
      await writeFile(join(directory, name), 'changes');
  });
  after(() => rm(directory, { recursive: true }));

  it('has the files that are the same in each build, as sha256sum reads them', async () => {
    const sums = renderSums(await digestFiles(directory));
    assert.deepEqual(
      sums.split('\n').map((line) => line.slice(66)),
      ['a.tar.gz', 'b.deb', 'fairlead_1.0.0~rc.1_amd64.deb', ''],
    );
    await writeFile(join(directory, 'SHA256SUMS'), sums);
    const check = () => run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: directory });
    assert.match(succeeded(await check()), /^a\.tar\.gz: OK\nb\.deb: OK\n/);
    await writeFile(join(directory, 'b.deb'), 'changed');
    assert.equal((await check()).code, 1);
  });

  it('refuses what does not belong to a release', async () => {
    await symlink('a.tar.gz', join(directory, 'link'));
    await assert.rejects(digestFiles(directory), /link does not belong to a release/);
    await rm(join(directory, 'link'));
    await mkdir(join(directory, 'sub'));
    await assert.rejects(digestFiles(directory), /sub does not belong to a release/);
    await rm(join(directory, 'sub'), { recursive: true });
    await writeFile(join(directory, 'a\nb'), '');
    await assert.rejects(digestFiles(directory), /does not belong to a release/);
    await rm(join(directory, 'a\nb'));
  });
});
