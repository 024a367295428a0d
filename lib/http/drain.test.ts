import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { OldestReplaced } from './connections/oldest-replaced.ts';
import { Drain } from './drain.ts';
import { health } from './health.ts';
import { createServer } from './server.ts';

const start = async () => {
  const { app } = createServer({
    logger: pino({ level: 'silent' }),
    bodyLimit: 1024,
    pipelined: 1,
    times: { head: 5000, request: 5000, idle: 60_000, silence: 60_000 },
    connections: new OldestReplaced(100),
  });
  void app.register(health, {});
  app.get('/slow', async () => {
    await sleep(300);
    return 'done';
  });
  const drain = new Drain(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { app, drain, open: () => open(port) };
};
const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};
const ask = async (socket: Socket, path: string): Promise<string> => {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const [answer] = await once(socket, 'data');
  return String(answer);
};

describe('a server that is closed', () => {
  it('ends connections over which no request has come, and answers what runs', { timeout: 10_000 }, async () => {
    const { app, open } = await start();
    const unused = await open();
    const running = await open();
    const slow = ask(running, '/slow');
    await sleep(100);
    const ended = once(unused.resume(), 'close');
    const closed = app.close();
    assert.match(await slow, /^HTTP\/1\.1 200 /);
    await Promise.all([closed, ended]);
  });
});

describe('a server that is drained', () => {
  it('answers requests on old and new connections, is not ready, and ends each connection after its answer', async () => {
    const { app, drain, open } = await start();
    const kept = await open();
    assert.doesNotMatch(await ask(kept, '/healthz'), /connection: close/i);
    const running = await open();
    const slow = ask(running, '/slow');
    await sleep(100);

    const drained = drain.run({ atLeast: 200, atMost: 10_000 });
    const late = await open();
    const ready = await open();
    for (const [answer, status] of [
      [await ask(kept, '/healthz'), 200],
      [await ask(late, '/healthz'), 200],
      [await ask(ready, '/readyz'), 503],
      [await slow, 200],
    ] as const) {
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, /\r\nconnection: close\r\n/i);
    }
    assert.equal(await drained, 0);
    await app.close();
  });

  it('leaves idle connections to their clients, up to a limit', async () => {
    const { app, drain, open } = await start();
    const idle = await open();
    await ask(idle, '/healthz');
    let isOver = false;
    const drained = drain.run({ atLeast: 0, atMost: 10_000 }).finally(() => {
      isOver = true;
    });
    await sleep(500);
    assert.deepEqual([idle.closed, isOver], [false, false]);
    idle.end();
    assert.equal(await drained, 0);

    const held = await open();
    const began = performance.now();
    assert.equal(await drain.run({ atLeast: 0, atMost: 300 }), 1);
    assert.ok(performance.now() - began < 5000);
    held.destroy();
    await app.close();
  });
});
