import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { createServiceServer } from './service-server.ts';

const answer = Buffer.alloc(8 * 1024 * 1024, 'a');
const ask = 'GET /large HTTP/1.1\r\nHost: test\r\n\r\n';

/**
 * Opens a connection; every address of 127.0.0.0/8 is one of this machine, and a client of its own.
 */
const openAt = async (app: FastifyInstance, from = '127.0.0.1'): Promise<Socket> => {
  const { port } = app.server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};
/** Waits until a connection is closed, by whichever end and however. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));

/** What the server says to a request; '' where it closes the connection. */
const statusOf = async (socket: Socket, path = '/small'): Promise<string> => {
  let text = '';
  socket.on('data', (piece) => {
    text += piece;
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`);
  await closed(socket);
  return text.slice(9, 12);
};

const logger = pino({ level: 'silent' });

describe('createServiceServer, where a client wants more than it reads', () => {
  let app: FastifyInstance;
  let begun = 0;
  let ended = 0;
  const open = () => openAt(app);
  before(async () => {
    const options = { name: 'test', description: '', version: '0', logger, bodyLimit: 64, timeout: 200 };
    app = await createServiceServer(options, (server) => {
      server.get('/large', async (_request, reply) => {
        begun++;
        reply.raw.once('close', () => ended++);
        return reply.type('application/octet-stream').send(answer);
      });
      server.get('/small', async () => `small ${++begun}`);
      server.get('/slow', async () => sleep(300, 'slow'));
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
  });
  after(() => app.close());

  it('makes no answer before the one before has left, and cuts clients that read nothing', {
    timeout: 20_000,
  }, async () => {
    begun = 0;
    const socket = await open();
    socket.pause();
    socket.write(ask.repeat(200));
    await sleep(100);
    assert.equal(begun, 1);
    while (ended === 0) await sleep(20);
    await sleep(50);
    assert.equal(begun, 1, 'nothing is begun for who has gone');
    socket.destroy();
  });

  it('cuts clients that send requests without end while one is answered slowly', async () => {
    const socket = await open();
    const closed = once(socket, 'close');
    socket.write(`GET /slow HTTP/1.1\r\nHost: test\r\n\r\n${'GET /small HTTP/1.1\r\nHost: test\r\n\r\n'.repeat(300)}`);
    assert.equal(await Promise.race([closed.then(() => 'cut'), sleep(1000, 'served')]), 'cut');
    socket.destroy();
  });

  it('answers requests that come in one packet, in their order', async () => {
    begun = 0;
    const socket = await open();
    const request = (end: string) => `GET /small HTTP/1.1\r\nHost: test\r\n${end}\r\n`;
    socket.write(request('').repeat(9) + request('Connection: close\r\n'));
    let text = '';
    for await (const chunk of socket) text += chunk;
    assert.deepEqual(
      text.match(/small \d+/g),
      Array.from({ length: 10 }, (_, index) => `small ${index + 1}`),
    );
  });
});

describe('createServiceServer, where clients hold connections', () => {
  let app: FastifyInstance;
  const open = (from?: string) => openAt(app, from);
  const openMany = (count: number, from: string) => Promise.all(Array.from({ length: count }, () => open(from)));
  /**
   * Opens a connection that is held after an answer, which may be for longer than before a request.
   */
  const hold = async (from: string): Promise<Socket> => {
    const socket = await open(from);
    socket.resume().write('GET /small HTTP/1.1\r\nHost: test\r\n\r\n');
    return socket;
  };
  const holdMany = (count: number, from: string) => Promise.all(Array.from({ length: count }, () => hold(from)));
  before(async () => {
    const options = { name: 'test', description: '', version: '0', logger, bodyLimit: 64, timeout: 3000 };
    app = await createServiceServer(options, (server) => server.get('/small', async () => 'small'));
    await app.listen({ host: '127.0.0.1', port: 0 });
  });
  after(() => app.close());

  it('closes connections beyond a thousand or so, and takes others when these have gone', async () => {
    const clients = Array.from({ length: 1024 }, (_, n) => `127.0.${1 + (n >> 8)}.${n & 255}`);
    const sockets = await Promise.all(clients.map((client) => hold(client)));
    assert.equal(await statusOf(await open('127.1.0.1')), '');
    for (const socket of sockets) socket.destroy();
    await sleep(50);
    assert.equal(await statusOf(await open()), '200');
  });

  it('lets no client hold more than half of the connections, and keeps some for clients that hold none', async () => {
    const one = await holdMany(600, '127.0.0.1');
    assert.equal(await statusOf(await open('127.0.0.1')), '', 'it has its half');
    assert.equal(await statusOf(await open('127.0.0.2')), '200', 'others go on to be served');
    const other = await holdMany(600, '127.0.0.2');
    for (const path of ['/small', '/healthz', '/readyz'])
      assert.equal(await statusOf(await open('127.0.0.3'), path), '200', 'a probe always gets in');
    assert.equal(await statusOf(await open('127.0.0.2')), '');
    for (const socket of [...one, ...other]) socket.destroy();
    await sleep(50);
    assert.equal(await statusOf(await open('127.0.0.1')), '200');
  });

  it('cuts clients that send the head of a request byte by byte, and answers others meanwhile', {
    timeout: 30_000,
  }, async () => {
    const slow = await openMany(500, '127.0.0.1');
    const cut = Promise.all(slow.map((socket) => closed(socket.resume())));
    const head = 'GET /small HTTP/1.1\r\nHost: test\r\nX-Slow: ';
    let sent = 0;
    const dripping = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write(head[sent] ?? 'x');
      sent++;
    }, 100);
    try {
      const began = performance.now();
      assert.equal(await statusOf(await open('127.0.0.2'), '/healthz'), '200');
      assert.equal(await statusOf(await open('127.0.0.1')), '200');
      await cut;
      assert.ok(performance.now() - began < 10_000, 'not after a minute');
    } finally {
      clearInterval(dripping);
    }
  });
});
