import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { it } from 'node:test';

it('a SIGHUP during the start does not end the process, and reloads later', { timeout: 20_000 }, async (t) => {
  const script = `
    import { onReload } from '#cli/process/stop-signal';
    const reloadBy = onReload();
    console.log('starting');
    process.stdin.once('data', () => {
      reloadBy(async () => console.log('reloaded'));
      console.log('ready');
      process.stdin.once('data', () => process.exit(0));
    });`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    cwd: `${import.meta.dirname}/../..`,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => (await lines.next()).value;
  assert.equal(await next(), 'starting');
  child.kill('SIGHUP');
  child.stdin.write('go on\n');
  // The signal may be told of after the line, too.
  assert.deepEqual([await next(), await next()].sort(), ['ready', 'reloaded']);
  child.kill('SIGHUP');
  assert.equal(await next(), 'reloaded');
  child.stdin.write('end\n');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
