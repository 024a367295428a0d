import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { nodeRuntime } from '../../../tools/release/node-runtime.ts';

it('the Node.js of a release is the one of package-lock.json, whatever is in the cache', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-runtime-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const cache = join(directory, 'cache');
  const runtime = async (name: string) => {
    const work = join(directory, name);
    mkdirSync(work);
    const found = await nodeRuntime('arm64', { work, cache });
    assert.ok(found.program.startsWith(work), found.program);
    assert.deepEqual(readdirSync(work), ['node-linux-arm64']);
    return readFileSync(found.program);
  };
  const downloaded = await runtime('first');
  const [archive = ''] = readdirSync(cache);
  const cached = join(cache, archive);

  // Another user's Node.js in the cache, in the form of the package.
  const forged = join(directory, 'package/bin');
  mkdirSync(forged, { recursive: true });
  writeFileSync(join(forged, 'node'), 'forged');
  writeFileSync(join(directory, 'package/LICENSE'), '');
  execFileSync('tar', ['-czf', cached, '-C', directory, 'package']);
  assert.ok(downloaded.equals(await runtime('second')));

  // What is right in the cache is not downloaded again.
  const { ino } = statSync(cached);
  assert.ok(downloaded.equals(await runtime('third')));
  assert.equal(statSync(cached).ino, ino);
  assert.deepEqual(readdirSync(cache), [archive]);
});
