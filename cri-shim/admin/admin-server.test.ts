import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type AdminDependencies, serveAdmin } from './admin-server.ts';

const reference = `registry.example.com/nginx@sha256:${'ab'.repeat(32)}`;

describe('the server for administrators', () => {
  let directory: string;
  let stop: () => Promise<void>;
  /** What ends a pull, which takes until then. */
  let pulling: PromiseWithResolvers<AbortSignal>;
  const asked: string[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-admin-'));
    pulling = Promise.withResolvers();
    const dependencies = {
      source: {
        pull: (_wanted: unknown, { signal }: { signal: AbortSignal }) => {
          pulling.resolve(signal);
          return once(signal, 'abort').then(() => Promise.reject(signal.reason));
        },
      },
      runtime: {
        listPodSandbox: async () => {
          asked.push('sandboxes');
          return { items: [{ id: 's1', metadata: { namespace: 'web', name: 'a b' } }] };
        },
        listContainers: async () => ({ containers: [] }),
      },
      store: { uses: { list: async () => new Map() } },
      recent: { refusals: [] },
    } as unknown as AdminDependencies;
    stop = await serveAdmin(join(directory, 'admin.sock'), dependencies);
  });
  afterEach(async () => {
    await stop();
    await rm(directory, { recursive: true });
  });

  function open(method: string, path: string, body = '', agent?: Agent) {
    const sent = request({ socketPath: join(directory, 'admin.sock'), method, path, ...(agent && { agent }) });
    sent.end(body);
    return sent;
  }
  async function ask(method: string, path: string, body?: string, agent?: Agent) {
    const [response] = (await once(open(method, path, body, agent), 'response')) as [IncomingMessage];
    const answer = JSON.parse(await text(response)) as Readonly<Record<string, unknown>>;
    return { status: response.statusCode, answer };
  }

  it('refuses requests that it cannot read, with the reason', async () => {
    const refused = async (method: string, path: string, body?: string) => {
      const { status, answer } = await ask(method, path, body);
      return [status, answer['kind'], answer['detail']];
    };
    assert.deepEqual(await refused('POST', '/v1/pull', '{'), [400, 'InvalidInput', 'the request is not JSON']);
    const want = 'want {"reference": "…", "kind": "…"}';
    for (const body of ['{}', 'null', '7', '{"reference": "a"}', '{"reference": 1, "kind": "Seccomp"}']) {
      assert.deepEqual(await refused('POST', '/v1/pull', body), [400, 'InvalidInput', want], body);
    }
    const long = JSON.stringify({ reference: 'a'.repeat(17_000), kind: 'Seccomp' });
    assert.deepEqual(await refused('POST', '/v1/pull', long), [413, 'LimitExceeded', 'more than 16384 bytes']);
    const kind = JSON.stringify({ reference, kind: 'SELinux' });
    assert.deepEqual((await refused('POST', '/v1/pull', kind)).slice(0, 2), [400, 'InvalidInput']);
    for (const [method, path] of [
      ...([
        ['GET', '/v1/other'],
        ['POST', '/v1/status'],
        ['GET', '/v1/pods/nginx-0'],
      ] as const),
      ...([
        ['GET', '/v1/pods/a/b/c'],
        ['POST', '/v1/pods/a/b'],
      ] as const),
    ]) {
      assert.equal((await ask(method, path)).status, 404, `${method} ${path}`);
    }
    assert.deepEqual(asked.splice(0), []);
  });

  it('explains a pod by its name, which is encoded', async () => {
    const { status, answer } = await ask('GET', '/v1/pods/web/a%20b');
    assert.deepEqual([status, answer['pod'], asked.splice(0)], [200, 'web/a b', ['sandboxes']]);
  });

  it('ends a call whose client has gone', async () => {
    const sent = open('POST', '/v1/pull', JSON.stringify({ reference, kind: 'Seccomp' }));
    sent.on('error', () => undefined);
    const signal = await pulling.promise;
    assert.ok(!signal.aborted);
    sent.destroy();
    await once(signal, 'abort');
  });

  it('stops while a call takes long or has not ended, and leaves no socket', async () => {
    const agent = new Agent({ keepAlive: true });
    await ask('GET', '/v1/pods/web/a%20b', '', agent);
    const sent = open('POST', '/v1/pull', JSON.stringify({ reference, kind: 'Seccomp' }));
    sent.on('error', () => undefined);
    const signal = await pulling.promise;
    const half = request({ socketPath: join(directory, 'admin.sock'), method: 'POST', path: '/v1/pull' });
    half.on('error', () => undefined);
    half.write('{');
    await ask('GET', '/v1/pods/web/a%20b');
    await stop();
    assert.ok(signal.aborted);
    assert.deepEqual(await readdir(directory), []);
    agent.destroy();
    asked.length = 0;
  });
});
