import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { launcher } from '#test/support/cli/run';

describe('a registry that accepts connections and does not answer', () => {
  let server: Server;
  let host = '';
  before(async () => {
    server = createServer((socket) => void socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close());

  it('is named after 10 s, but not with --quiet, and not beside JSON', { timeout: 60_000 }, async () => {
    const started = [[], ['--quiet'], ['--output', 'json']].map((options) => {
      const child = spawn(process.execPath, [launcher, 'inspect', `${host}/a:1`, ...options], { stdio: 'pipe' });
      const run = { child, stderr: '', closed: once(child, 'close') };
      child.stderr.on('data', (text) => {
        run.stderr += text;
      });
      return run;
    });
    const [text, quiet, json] = started;
    assert(text && quiet && json);
    const began = performance.now();
    while (text.stderr === '') await once(text.child.stderr, 'data');
    assert(performance.now() - began > 8000);
    // Their time has come too.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    for (const { child } of started) child.kill();
    await Promise.all(started.map(({ closed }) => closed));
    assert.equal(text.stderr, `note: ${host} has sent nothing for 10 s; the limit is 30 s\n`);
    assert.deepEqual([quiet.stderr, json.stderr], ['', '']);
  });
});
