import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { createServer } from './server.ts';

const answer = Buffer.alloc(8 * 1024 * 1024, 'a');
const ask = 'GET /large HTTP/1.1\r\nHost: test\r\n\r\n';

describe('createServer, where a client wants more than it reads', () => {
  let app: FastifyInstance;
  let begun = 0;
  let ended = 0;
  const open = async (): Promise<Socket> => {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  before(async () => {
    const logger = pino({ level: 'silent' });
    const options = { name: 'test', description: '', version: '0', logger, bodyLimit: 64, timeout: 200 };
    app = await createServer(options, (server) => {
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

  it('makes no answer before the one before has left, and cuts who reads nothing', { timeout: 20_000 }, async () => {
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

  it('cuts who sends requests without end while one is answered slowly', async () => {
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

  it('closes connections beyond a thousand or so, and takes others when these have gone', async () => {
    const sockets = await Promise.all(Array.from({ length: 1024 }, open));
    const refused = await open();
    await once(refused, 'close');
    for (const socket of sockets) socket.destroy();
    await sleep(50);
    const socket = await open();
    socket.write('GET /small HTTP/1.1\r\nHost: test\r\n\r\n');
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});
