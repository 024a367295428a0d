import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { removedAfter } from './removed-after.ts';

describe('removedAfter', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-removed-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('removes the path after the action, and after a failure', async () => {
    const path = join(folder, 'work');
    await mkdir(path);
    assert.equal(await removedAfter(path, async () => (await readdir(folder)).length), 1);
    await mkdir(path);
    await assert.rejects(
      removedAfter(path, () => Promise.reject(new Error('no'))),
      { message: 'no' },
    );
    assert.deepEqual(await readdir(folder), []);
    assert.equal(process.listenerCount('SIGINT'), 0);
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`removes the path when ${signal} ends the process, which still ends by that signal`, async () => {
      const script = join(folder, 'script.ts');
      const paths = [join(folder, 'outer'), join(folder, 'inner')];
      await writeFile(
        script,
        `import { mkdirSync } from 'node:fs';
         import { removedAfter } from ${JSON.stringify(join(import.meta.dirname, 'removed-after.ts'))};
         const [outer, inner] = ${JSON.stringify(paths)};
         for (const path of [outer, inner]) mkdirSync(path + '/deep', { recursive: true });
         setInterval(() => {}, 1000);
         void removedAfter(outer, () => removedAfter(inner, () => new Promise(() => console.log('ready'))));`,
      );
      const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      assert.equal((await readdir(folder)).length, 3);
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [null, signal]);
      assert.deepEqual(await readdir(folder), ['script.ts']);
      await rm(script);
    });
  }
});
