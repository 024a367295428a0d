import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '#test/peers/program';
import { failed, runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';

/** Starts a server that sends `answer` to each client, or nothing; returns its URL. */
async function answering(answer: string | undefined): Promise<{ server: Server; url: string }> {
  const port = await freePort();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => answer !== undefined && socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${port}/readyz` };
}

describe('fairlead healthcheck', () => {
  let cwd = '';
  let services: Services;
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-healthcheck-'));
    const loopback = ['--push', '--pull', '--health'].flatMap((option) => [option, '127.0.0.1:0']);
    services = await startServe(['--embedded', 'data', ...loopback], { cwd });
  });
  after(async () => {
    await services.stop();
    await rm(cwd, { recursive: true });
  });

  it('succeeds for each service that is ready, and prints its answer', async () => {
    for (const origin of [services.push, services.pull, services.health]) {
      const printed = succeeded(await runFairlead(['healthcheck', `${origin}/readyz`]));
      const { catalogs: _, ...answer } = JSON.parse(printed);
      assert.deepEqual(answer, { status: 'ready', policyInForce: true });
    }
    const json = succeeded(await runFairlead(['healthcheck', `${services.health}/healthz`, '--output', 'json']));
    const { body, ...document } = JSON.parse(json);
    assert.deepEqual(document, { schemaVersion: 1, url: `${services.health}/healthz`, status: 200 });
    assert.match(body, /^\{"status":"ok","policyInForce":true\b/);
  });

  it('fails if nothing listens there', async () => {
    const url = `http://127.0.0.1:${await freePort()}/readyz`;
    failed(await runFairlead(['healthcheck', url]), 8, /^error: GET http:\S+\/readyz: connect ECONNREFUSED .*\nhint: /);
  });

  it('asks the service itself, not a proxy', async () => {
    const env = { HTTP_PROXY: `http://127.0.0.1:${await freePort()}`, http_proxy: 'http://127.0.0.1:9' };
    succeeded(await runFairlead(['healthcheck', `${services.health}/healthz`], { env }));
  });

  it('fails if the service is not ready, and follows no redirect to one that is', async () => {
    const notReady = '{"status":"not ready"}';
    const refusing = await answering(`HTTP/1.1 503 Service Unavailable\r\nContent-Length: 22\r\n\r\n${notReady}`);
    const location = `Location: ${services.health}/readyz`;
    const moved = await answering(`HTTP/1.1 307 Temporary Redirect\r\n${location}\r\nContent-Length: 0\r\n\r\n`);
    const missing = { url: `${services.health}/nothing` };
    for (const [{ url }, status] of [
      [refusing, '503: {"status":"not ready"}\n'],
      [moved, '307\n'],
      [missing, '404: '],
    ] as const) {
      const ended = await runFairlead(['healthcheck', url]);
      failed(ended, 8, /^error: GET http:/);
      assert.ok(ended.stderr.includes(`${url} answered ${status}`), ended.stderr);
    }
    for (const { server } of [refusing, moved]) server.close();
  });

  it('fails if the service does not answer within 5 seconds', async () => {
    const { server, url } = await answering(undefined);
    const start = Date.now();
    failed(await runFairlead(['healthcheck', url]), 8, /has not answered within 5 s/);
    assert.ok(Date.now() - start < 15_000);
    server.close();
  });

  it('refuses what is not a URL of HTTP', async () => {
    for (const url of ['127.0.0.1:8080', '/readyz', 'file:///etc/passwd', 'http://user:secret@127.0.0.1:1/', '']) {
      const ended = await runFairlead(['healthcheck', url]);
      failed(ended, 2, /^error: invalid URL/);
      assert.doesNotMatch(ended.stderr, /secret/);
    }
  });
});
