import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { buildNpmPackage } from '../../../tools/release/npm-package.ts';

it('the npm package of a release has the same bytes under every umask', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-npm-package-'));
  const umask = process.umask();
  t.after(() => {
    process.umask(umask);
    rmSync(directory, { recursive: true });
  });
  const build = async (mask: number) => {
    process.umask(mask);
    const [root, work, release] = ['root', 'work', 'release'].map((name) => join(directory, String(mask), name));
    assert.ok(root && work && release);
    for (const each of [root, work, release]) mkdirSync(each, { recursive: true });
    const manifest = { name: 'fairlead', version: '1.2.3', bin: 'run.js', files: ['run.js', 'dist'] };
    const scripts = { prepack: 'mkdir dist && echo built >> dist/built.js' };
    writeFileSync(join(root, 'package.json'), JSON.stringify({ ...manifest, scripts }));
    writeFileSync(join(root, 'run.js'), '#!/usr/bin/env node\n');
    chmodSync(join(root, 'run.js'), 0o777 & ~mask);
    await buildNpmPackage({ version: '1.2.3', directory: release, work }, root);
    return join(release, 'fairlead-1.2.3.tgz');
  };
  const [usual, closed, open] = [await build(0o022), await build(0o077), await build(0o000)];
  assert.ok(usual && closed && open);
  const listing = execFileSync('tar', ['-tvzf', usual], { encoding: 'utf8' });
  assert.deepEqual(
    listing.split('\n').flatMap((line) => line.match(/^\S+|\S+$/g)?.join(' ') ?? []),
    ['-rw-r--r-- package/dist/built.js', '-rwxr-xr-x package/run.js', '-rw-r--r-- package/package.json'],
  );
  for (const other of [closed, open]) assert.ok(readFileSync(other).equals(readFileSync(usual)));
});
