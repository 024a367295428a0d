import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { LineLog } from './line-log.ts';

it('writes a record as one line that controls no terminal', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-line-log-'));
  try {
    const path = join(directory, 'log');
    const log = new LineLog(path, { name: 'log', onError: assert.fail });
    const record = { subject: 'refs/heads/\u202emain\n{"outcome":"published"}\u009b2J\u2028' };
    await log.write(record);
    const text = await readFile(path, 'utf8');
    assert.deepEqual(JSON.parse(text), record);
    assert.match(text, /^[^\p{C}\p{Zl}\p{Zp}]+\n$/u);
  } finally {
    await rm(directory, { recursive: true });
  }
});
