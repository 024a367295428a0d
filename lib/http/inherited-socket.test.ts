import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, mock } from 'node:test';
import { inheritedSocket, requirePrivateSocket, whenIdle } from './inherited-socket.ts';

describe('a socket that the service manager passes', () => {
  it('is descriptor 3, if it is for this process', () => {
    assert.equal(inheritedSocket({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7), 3);
    assert.equal(inheritedSocket({ LISTEN_PID: '6', LISTEN_FDS: '1' }, 7), undefined);
    assert.equal(inheritedSocket({ LISTEN_FDS: '1' }, 7), undefined);
    assert.equal(inheritedSocket({}, 7), undefined);
  });

  it('must be one', () => {
    for (const LISTEN_FDS of ['0', '2', 'x'])
      assert.throws(() => inheritedSocket({ LISTEN_PID: '7', LISTEN_FDS }, 7), {
        kind: 'InvalidInput',
        hint: /ListenStream/,
      });
  });

  it('is served, with the connections that came before', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-inherited-'));
    const path = join(directory, 'a.sock');
    const manager = createServer();
    await new Promise<void>((resolve) => manager.listen(`${path}.new`, resolve));
    // The manager removes the name that it knows when it closes its own descriptor.
    renameSync(`${path}.new`, path);
    const descriptor: unknown = Reflect.get(Reflect.get(manager, '_handle'), 'fd');
    const script = `
      import { createServer } from 'node:net';
      import { inheritedSocket, listenOnDescriptor } from '#lib/http/inherited-socket';
      const server = createServer((connection) => connection.end('served'));
      process.stdin.once('data', () =>
        listenOnDescriptor(server, inheritedSocket({ LISTEN_PID: String(process.pid), LISTEN_FDS: '1' }, process.pid)));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: import.meta.dirname,
      stdio: ['pipe', 'inherit', 'inherit', Number(descriptor)],
    });
    t.after(() => {
      child.kill();
      rmSync(directory, { recursive: true });
    });
    await new Promise<void>((resolve) => manager.close(() => resolve()));
    const early = connect(path);
    await once(early, 'connect');
    child.stdin?.write('begin');
    assert.equal(String((await once(early, 'data'))[0]), 'served');
    assert.equal(String((await once(connect(path), 'data'))[0]), 'served');
  });
});

describe('requirePrivateSocket', () => {
  it('rejects a socket that other users can open', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-private-'));
    const path = join(directory, 'a.sock');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    t.after(() => {
      server.close();
      rmSync(directory, { recursive: true });
    });
    chmodSync(path, 0o600);
    await requirePrivateSocket(path);
    for (const mode of [0o660, 0o606, 0o777]) {
      chmodSync(path, mode);
      await assert.rejects(requirePrivateSocket(path), { kind: 'InvalidInput', hint: /SocketMode=0600/ });
    }
    await assert.rejects(requirePrivateSocket(`${path}-`), { kind: 'InvalidInput', message: /no socket/ });
    await assert.rejects(requirePrivateSocket(directory), { kind: 'InvalidInput' });
  });
});

describe('whenIdle', () => {
  it('resolves a while after the last connection has closed', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-idle-'));
    const path = join(directory, 'a.sock');
    const accepted: Socket[] = [];
    const server = createServer((connection) => accepted.push(connection.resume()));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    t.after(() => {
      server.close();
      mock.timers.reset();
      rmSync(directory, { recursive: true });
    });
    mock.timers.enable({ apis: ['setTimeout'] });
    let idle = false;
    const waiting = whenIdle(server, 1000).then(() => {
      idle = true;
    });
    mock.timers.tick(900);
    const [one, other] = [connect(path), connect(path)];
    while (accepted.length < 2) await once(server, 'connection');
    mock.timers.tick(5000);
    await Promise.resolve();
    assert.equal(idle, false);
    const closed = accepted.map((connection) => once(connection, 'close'));
    one.destroy();
    await Promise.race(closed);
    mock.timers.tick(5000);
    await Promise.resolve();
    assert.equal(idle, false);
    other.destroy();
    await Promise.all(closed);
    mock.timers.tick(999);
    await Promise.resolve();
    assert.equal(idle, false);
    mock.timers.tick(1);
    await waiting;
  });
});
