import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { pino } from 'pino';
import { temporaryPair } from '../certificates/temporary-pair.ts';
import { startOperator } from './operator.ts';

describe('the operator without a certificate, and an API server that does not answer', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-hanging-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const ask = (address: string, at: string) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const sent = request(`https://${address}${at}`, { rejectUnauthorized: false, agent: false }, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
      });
      sent.once('error', reject).end();
    });

  for (const [what, answer] of [
    ['hangs', undefined],
    ['answers 429 to everything', 'HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n'],
    ['does not speak HTTP', 'no HTTP\r\n\r\n'],
  ] as const) {
    it(`is alive and not ready if it ${what}, and stops at once`, async () => {
      const sockets = new Set<Socket>();
      const server = createServer(temporaryPair(['127.0.0.1']), (socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined).on('data', () => answer !== undefined && socket.write(answer));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const kubeconfig = path.join(folder, 'kubeconfig');
      const cluster = { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
      writeFileSync(
        kubeconfig,
        JSON.stringify({
          'current-context': 'c',
          contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
          clusters: [{ name: 'c', cluster }],
          users: [{ name: 'u', user: { token: 't' } }],
        }),
      );
      const lines: string[] = [];
      const log = pino({}, { write: (line: string) => lines.push(line) });
      const began = Date.now();
      const operator = await startOperator({ kubeconfig, listen: '127.0.0.1:0', log });
      try {
        assert.ok(Date.now() - began < 15_000);
        assert.deepEqual(await ask(operator.address, '/healthz'), { status: 200, body: '{"status":"ok"}' });
        assert.deepEqual(await ask(operator.address, '/readyz'), { status: 503, body: '{"status":"not ready"}' });
        assert.ok(lines.some((line) => /the certificates of the webhooks cannot be kept up/.test(line)));
      } finally {
        const stopping = Date.now();
        await operator.stop();
        assert.ok(Date.now() - stopping < 5000);
        for (const socket of sockets) socket.destroy();
        server.close();
      }
    });
  }

  it('refuses a certificate without its key, and a key without its certificate', async () => {
    const kubeconfig = path.join(folder, 'kubeconfig');
    for (const files of [{ tlsCert: 'tls.crt' }, { tlsKey: 'tls.key' }]) {
      const starting = startOperator({ kubeconfig, listen: '127.0.0.1:0', log: pino({ level: 'silent' }), ...files });
      await assert.rejects(starting, { kind: 'InvalidInput', message: /a certificate needs its key/ });
    }
  });
});
