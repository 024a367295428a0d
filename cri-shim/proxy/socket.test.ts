import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { listenOnSocket, parseSocketAddress } from './socket.ts';

describe('socket', () => {
  let directory: string;
  let path: string;
  const servers: Server[] = [];
  const listen = (at = path) => {
    const server = createServer((socket) => socket.end());
    servers.push(server);
    return listenOnSocket(server, at);
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-socket-'));
    path = join(directory, 'run', 'shim.sock');
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) server.close();
    await rm(directory, { recursive: true });
  });

  it('is for root only, stands alone in its directory, and goes when told', async () => {
    const mask = process.umask();
    const unlink = await listen();
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(process.umask(), mask);
    assert.deepEqual(await readdir(join(directory, 'run')), ['shim.sock']);
    await unlink();
    assert.deepEqual(await readdir(join(directory, 'run')), []);
  });

  it('replaces what a dead process left, but no socket that a process serves, and no other file', async () => {
    const dead = join(directory, 'dead.sock');
    const left = createServer().listen(dead);
    await once(left, 'listening');
    await rename(dead, `${dead}.kept`); // out of the way of close(), which removes it
    left.close();
    await rename(`${dead}.kept`, dead);
    await listen(dead);
    await assert.rejects(listen(dead), { kind: 'Conflict' });
    await writeFile(join(directory, 'file'), 'precious');
    await assert.rejects(listen(join(directory, 'file')), { kind: 'InvalidInput' });
    await assert.rejects(listen(directory), { kind: 'InvalidInput' });
  });

  it('leaves alone what another process has put in its place', async () => {
    const unlink = await listen();
    await rm(path);
    await listen();
    await unlink();
    assert.ok((await stat(path)).isSocket());
  });

  it('is named by a unix:// address or an absolute path', () => {
    assert.equal(parseSocketAddress('unix:///run/x.sock'), '/run/x.sock');
    assert.equal(parseSocketAddress('/run/x.sock'), '/run/x.sock');
    for (const wrong of ['unix://run/x.sock', 'tcp://127.0.0.1:1', 'x.sock', '']) {
      assert.throws(() => parseSocketAddress(wrong), { kind: 'InvalidInput' });
    }
  });
});
