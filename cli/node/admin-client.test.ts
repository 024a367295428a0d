import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { askShim } from './admin-client.ts';

const notRoot = process.getuid?.() === 0 ? false : 'becoming another user needs root';

describe('askShim', () => {
  let directory: string;
  let socket: string;
  let answer: { readonly status: number; readonly text: string };
  const server = createServer((_request, response) => response.writeHead(answer.status).end(answer.text));
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-admin-'));
    await chmod(directory, 0o755);
    socket = join(directory, 'admin.sock');
    await new Promise<void>((resolve) => void server.listen(socket, resolve));
    await chmod(socket, 0o600);
  });
  after(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });
  const ask = (status: number, text: string) => {
    answer = { status, text };
    return askShim({ socket: `unix://${socket}` }, 'GET', '/v1/status');
  };

  it('returns the answer, or throws the error that the shim has answered with', async () => {
    assert.deepEqual(await ask(200, '{"version": "1.2.3"}'), { version: '1.2.3' });
    const error = { kind: 'NotFound', detail: 'no pod web/nginx-0', hint: 'crictl pods' };
    await assert.rejects(ask(404, JSON.stringify(error)), {
      kind: 'NotFound',
      message: error.detail,
      hint: error.hint,
    });
  });

  it('throws Unavailable for an answer that is not of the shim', async () => {
    for (const [status, text] of [
      ...([
        [200, 'hello'],
        [200, ''],
        [500, '<html>'],
        [404, '{"kind": "Unknown"}'],
        [404, 'null'],
      ] as const),
    ]) {
      await assert.rejects(
        ask(status, text),
        { kind: 'Unavailable', message: new RegExp(`HTTP status ${status}`) },
        text,
      );
    }
  });

  it('throws NotAllowed if this user cannot open the socket', { skip: notRoot }, async () => {
    process.seteuid?.(65_534);
    try {
      await assert.rejects(ask(200, '{}'), { kind: 'NotAllowed', hint: /as the user of the shim/ });
    } finally {
      process.seteuid?.(0);
    }
  });

  it('throws Unavailable if no shim listens', async () => {
    const none = askShim({ socket: join(directory, 'none.sock') }, 'GET', '/v1/status');
    await assert.rejects(none, { kind: 'Unavailable', message: /no shim answers/, hint: /fairlead node doctor/ });
  });
});
