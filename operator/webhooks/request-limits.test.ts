import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, type Socket, type TcpNetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { TlsFiles } from '#lib/http/tls-files';
import { describePeers } from '#test/peers/require';
import { contextOf } from '#test/support/nginx-binding';
import type { BindingContext } from '../bind/decide.ts';
import { limitRequests } from './request-limits.ts';
import { webhookServer } from './webhook.ts';

const script = fileURLToPath(new URL('../../deploy/operator/certificate.sh', import.meta.url));
const mebibyte = 1024 * 1024;

describePeers(['openssl'], 'the limits of the webhook', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-limits-'));
  const at = (file: string) => path.join(folder, file);
  const logged: string[] = [];
  let server: FastifyInstance;
  let port: number;
  /** How many reviews are being decided; they wait until the test lets them go. */
  let waiting: (() => void)[] = [];
  before(async () => {
    execFileSync(script, [folder, 'IP:127.0.0.1']);
    const source = {
      read: () => new Promise<BindingContext>((resolve) => waiting.push(() => resolve(contextOf([])))),
      probe: async () => undefined,
    };
    const tls = await TlsFiles.open({ cert: at('tls.crt'), key: at('tls.key') });
    server = webhookServer(source, tls, pino({}, { write: (line: string) => logged.push(line) }));
    await server.listen({ host: '127.0.0.1', port: 0 });
    ({ port } = server.server.address() as AddressInfo);
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (from = '127.0.0.1'): Promise<TLSSocket> => {
    const to = { host: '127.0.0.1', port, localAddress: from, rejectUnauthorized: false };
    const options: ConnectionOptions & TcpNetConnectOpts = to;
    const socket = connect(options);
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    return socket;
  };
  const review = (bytes: number): string => {
    const request = {
      uid: 'u-1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      subResource: 'ephemeralcontainers',
      namespace: 'web',
      operation: 'UPDATE',
      object: { metadata: {}, spec: { containers: [], ephemeralContainers: [{ name: 'new' }] } },
      oldObject: { metadata: {}, spec: { containers: [] } },
    };
    const text = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
    return text + ' '.repeat(Math.max(0, bytes - text.length));
  };
  const post = (body: string, headers = `Content-Length: ${Buffer.byteLength(body)}`): string =>
    `POST /validate-pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
  /** The status of the answer on a connection, or `cut`. */
  const answer = async (socket: TLSSocket): Promise<string> => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'cut';
  };
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    const deadline = Date.now() + 20_000;
    while (!holds()) {
      assert.ok(Date.now() < deadline, what);
      await sleep(10);
    }
  };
  const letGo = (): void => {
    for (const go of waiting) go();
    waiting = [];
  };

  it('read nothing of a body that is too long, announces no length, or belongs to nothing', async () => {
    const refused: [string, string][] = [
      [post('', `Content-Length: ${4 * mebibyte + 1}`), '413'],
      [post('', 'Transfer-Encoding: chunked'), '400'],
      [`POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: ${4 * mebibyte + 1}\r\n\r\n`, '413'],
      [`PUT /validate-pods HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`, '405'],
      [`POST /validate-pods HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`, '400'],
      [`POST /validate-pods HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nxx`, '415'],
    ];
    for (const [request, status] of refused) {
      const socket = await open();
      socket.write(request);
      assert.equal(await answer(socket), status, request);
      await until('the connection is closed', () => socket.destroyed);
    }
  });

  it('let an address have 4 MiB of reviews in work, and others theirs meanwhile', async () => {
    const sockets = await Promise.all(Array.from({ length: 5 }, () => open('127.0.0.2')));
    for (const socket of sockets) socket.write(post(review(1.5 * mebibyte)));
    await until('two are decided', () => waiting.length === 2);
    const other = await open('127.0.0.3');
    other.write(post(review(1.5 * mebibyte)));
    await until('that of another address too', () => waiting.length === 3);
    await sleep(200);
    assert.equal(waiting.length, 3);
    const answers = Promise.all([...sockets, other].map(answer));
    for (let left = 6; left > 0; ) {
      await until('the next', () => waiting.length > 0);
      left -= waiting.length;
      letGo();
    }
    assert.deepEqual(new Set(await answers), new Set(['200']));
    for (const socket of [...sockets, other]) socket.destroy();
  });

  it('let small reviews of an address pass large ones that wait for room', async () => {
    const sockets = await Promise.all(Array.from({ length: 4 }, () => open('127.0.0.5')));
    for (const socket of sockets) socket.write(post(review(1.5 * mebibyte)));
    await until('two are decided', () => waiting.length === 2);
    const small = await open('127.0.0.5');
    small.write(post(review(0)));
    await until('the small one too', () => waiting.length === 3);
    waiting.pop()?.();
    assert.equal(await answer(small), '200');
    // Those that still wait go with their connections.
    for (const socket of [...sockets, small]) socket.destroy();
    await sleep(100);
    letGo();
  });

  it('give back what a client held after it has gone', async () => {
    const gone = await Promise.all(Array.from({ length: 8 }, () => open('127.0.0.4')));
    for (const socket of gone) socket.write(post(review(3 * mebibyte)).slice(0, mebibyte));
    await sleep(100);
    for (const socket of gone) socket.destroy();
    const socket = await open('127.0.0.4');
    socket.write(post(review(3 * mebibyte)));
    await until('it is decided', () => waiting.length === 1);
    letGo();
    assert.equal(await answer(socket), '200');
    socket.destroy();
  });

  it('keep idle connections longer than API servers do, which would lose a review where they are closed first', async () => {
    assert.ok('keepAliveTimeout' in server.server && server.server.keepAliveTimeout > 90_000);
  });

  it('cut clients that send a request before the answer to the one before', async () => {
    const socket = await open();
    const answered = answer(socket);
    socket.write(post(review(0)) + post(review(0)));
    await until('it is cut', () => socket.destroyed);
    assert.equal(await answered, 'cut');
    letGo();
  });

  it('cut clients that send a head or a body too slowly, and keep connections that are not used yet', async () => {
    const started = performance.now();
    const unused = await open();
    const slowHead = await open();
    const slowBody = await open();
    unused.resume();
    slowHead.resume().write('POST /validate-pods HTTP/1.1\r\n');
    slowBody.resume().write(post(review(mebibyte)).slice(0, 1000));
    await until('both are cut', () => slowHead.destroyed && slowBody.destroyed);
    assert.ok(performance.now() - started < 15_000);
    await sleep(16_000 - (performance.now() - started));
    const answered = answer(unused);
    unused.write(post(review(0)));
    await until('it waits', () => waiting.length === 1);
    letGo();
    assert.equal(await answered, '200');
    unused.destroy();
  });

  describe('let clients in while others hold every connection and open it again when it is cut', () => {
    /** Holds connections from two addresses until the test ends. */
    const hold = async (to: number): Promise<{ readonly open: () => number; readonly end: () => void }> => {
      const held = new Set<Socket>();
      let isOver = false;
      const reopen = (from: string): void => {
        if (isOver) return;
        const socket = connectTcp({ host: '127.0.0.1', port: to, localAddress: from });
        held.add(socket);
        socket.on('error', () => undefined);
        socket.resume();
        socket.once('close', () => {
          held.delete(socket);
          setTimeout(() => reopen(from), 20);
        });
      };
      for (let count = 0; count < 400; count += 1) for (const from of ['127.0.0.2', '127.0.0.3']) reopen(from);
      await sleep(500);
      const end = (): void => {
        isOver = true;
        for (const socket of held) socket.destroy();
      };
      return { open: () => held.size, end };
    };
    const ask = async (to: number, from: string, files: object = {}): Promise<string> => {
      const options = { host: '127.0.0.1', port: to, localAddress: from, rejectUnauthorized: false, ...files };
      const socket = connect(options);
      socket.on('error', () => undefined);
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      const status = await answer(socket);
      socket.destroy();
      return status;
    };

    it('of another address', async () => {
      const flood = await hold(port);
      try {
        for (let count = 0; count < 40; count += 1) assert.equal(await ask(port, '127.0.0.1'), '200');
        const open = await new Promise<number>((resolve, reject) => {
          server.server.getConnections((error, many) => (error ? reject(error) : resolve(many)));
        });
        assert.ok(open >= 500 && open <= 520, `${open} are open`);
      } finally {
        flood.end();
      }
    });

    it('and keep those that have shown a certificate of the authorities', async () => {
      const tls = await TlsFiles.open({ cert: at('tls.crt'), key: at('tls.key'), clientCa: at('ca.crt') });
      const source = { read: async () => contextOf([]), probe: async () => undefined };
      const guarded = webhookServer(source, tls, pino({ level: 'silent' }));
      await guarded.listen({ host: '127.0.0.1', port: 0 });
      const { port: to } = guarded.server.address() as AddressInfo;
      const options: ConnectionOptions & TcpNetConnectOpts = {
        ...{ host: '127.0.0.1', port: to, localAddress: '127.0.0.2', rejectUnauthorized: false },
        ...{ cert: readFileSync(at('client.crt')), key: readFileSync(at('client.key')) },
      };
      // The oldest connection of the address that will hold the most.
      const known = connect(options);
      known.on('error', () => undefined);
      await once(known, 'secureConnect');
      known.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      assert.equal(await answer(known), '200');
      const flood = await hold(to);
      try {
        known.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
        assert.equal(await answer(known), '200');
        assert.equal(await ask(to, '127.0.0.1'), '200');
      } finally {
        flood.end();
        known.destroy();
        await guarded.close();
      }
    });
  });

  it('log few of many refusals', async () => {
    await sleep(1000);
    logged.length = 0;
    const refuse = async () => {
      const socket = await open();
      socket.write(post('{'));
      assert.equal(await answer(socket), '400');
    };
    await Promise.all(Array.from({ length: 20 }, refuse));
    const lines = logged.filter((line) => line.includes('requests refused'));
    assert.ok(lines.length >= 1 && lines.length < 10, String(lines.length));
  });
});

it('a request gives back its room if its client goes at the moment when the room is lent', async () => {
  type Hook = (request: object, reply: object) => Promise<void>;
  const hooks: Hook[] = [];
  limitRequests({ addHook: (_name: string, hook: Hook) => hooks.push(hook) } as never);
  const begin = () => {
    const raw = new EventEmitter();
    const request = {
      ...{ method: 'POST', ip: '127.0.0.1', headers: { 'content-length': String(3 * mebibyte) } },
      routeOptions: {},
      raw: { socket: new EventEmitter(), complete: true },
    };
    return { raw, begun: Promise.resolve(hooks[0]?.(request, { raw })) };
  };
  const first = begin();
  await first.begun;
  const second = begin();
  const third = begin();
  // Both in one turn: the room of the first is lent to the second, which has gone when it learns
  // of it.
  first.raw.emit('close');
  second.raw.emit('close');
  await assert.rejects(second.begun, { kind: 'Unavailable' });
  await third.begun;
  third.raw.emit('close');
});
