import assert from 'node:assert/strict';
import { after, describe, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { FairleadError } from '#lib/errors';
import { ApiError } from '#lib/kube/api-error';
import type { ApiRequest, ApiServer } from '../../lib/kube/api-server.ts';
import { NamespaceGuard } from './namespace-guard.ts';

const nameLabel = 'kubernetes.io/metadata.name';
const namespace = (name: string, label?: string) => ({
  metadata: { name, labels: label === undefined ? {} : { [nameLabel]: label } },
});

/** An API server of one version, whose namespaces the test changes. */
class FakeApiServer implements ApiServer {
  minor = '20+';
  namespaces: ReturnType<typeof namespace>[] = [];
  pageSize = 500;
  down = false;
  retryAfterMs: number | undefined;
  readonly asked: string[] = [];
  #watch: { onLine: (line: string) => void; end: (error?: Error) => void } | undefined;

  async get({ path }: ApiRequest): Promise<string> {
    this.asked.push(path);
    if (this.down) {
      throw new ApiError('cannot reach it', { status: 429, reason: '', retryAfterMs: this.retryAfterMs });
    }
    if (path === '/version') return JSON.stringify({ major: '1', minor: this.minor });
    const start = Number(/&continue=(\d+)/.exec(path)?.[1] ?? 0);
    const end = start + this.pageSize;
    const metadata = { resourceVersion: '7', ...(end < this.namespaces.length && { continue: String(end) }) };
    return JSON.stringify({ metadata, items: this.namespaces.slice(start, end) });
  }

  watch({ path }: ApiRequest, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    this.asked.push(path);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#watch = { onLine, end: (error) => (error === undefined ? resolve() : reject(error)) };
    signal.addEventListener('abort', () => reject(new Error('aborted')));
    return promise;
  }

  /**
   * Sends an event on the running watch; what the reader throws ends it, as with the real client.
   */
  send(type: string, object: object): void {
    assert.ok(this.#watch !== undefined);
    try {
      this.#watch.onLine(JSON.stringify({ type, object }));
    } catch (error) {
      this.#watch.end(error as Error);
    }
  }

  endWatch(): void {
    this.#watch?.end();
  }

  close(): void {}
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const until = async (holds: () => boolean): Promise<void> => {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, 'not within 10 s');
    await sleep(20);
  }
};
const refusal = (guard: NamespaceGuard): string | undefined => {
  try {
    guard.check();
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof FairleadError);
    return `${thrown.kind}: ${thrown.message}`;
  }
};

describe('NamespaceGuard', () => {
  const log = pino({ level: 'silent' });
  const guards: NamespaceGuard[] = [];
  const start = async (api: ApiServer): Promise<NamespaceGuard> => {
    const guard = await NamespaceGuard.start(api, log);
    guards.push(guard);
    return guard;
  };
  after(() => {
    for (const guard of guards) guard.stop();
  });

  it('reads no namespace where the API server sets the label', async () => {
    for (const minor of ['22', '36+']) {
      const api = new FakeApiServer();
      api.minor = minor;
      assert.equal(refusal(await start(api)), undefined);
      await settled();
      assert.deepEqual(api.asked, ['/version']);
    }
  });

  it('reads all pages at the start, and finds one namespace that carries the name of another', async () => {
    const api = new FakeApiServer();
    api.namespaces = [namespace('a', 'a'), namespace('b'), namespace('c', 'c'), namespace('evil', 'kube-system')];
    for (const pageSize of [1, 3, 4, 500]) {
      api.pageSize = pageSize;
      assert.match(refusal(await start(api)) ?? '', /^NotAllowed: namespace "evil" .*=kube-system/);
    }
    api.namespaces.pop();
    assert.equal(refusal(await start(api)), undefined);
  });

  it('checks each namespace again when it changes', async () => {
    const api = new FakeApiServer();
    const guard = await start(api);
    assert.match(api.asked.at(-1) ?? '', /watch=true&timeoutSeconds=240&resourceVersion=7$/);
    for (const [type, correction] of [
      ['ADDED', ['MODIFIED', namespace('evil', 'evil')]],
      ['MODIFIED', ['DELETED', namespace('evil', 'kube-system')]],
    ] as const) {
      api.send(type, namespace('evil', 'kube-system'));
      api.send('ADDED', namespace('good', 'good'));
      assert.match(refusal(guard) ?? '', /NotAllowed: namespace "evil"/);
      api.send(correction[0], correction[1]);
      assert.equal(refusal(guard), undefined);
    }
  });

  it('reads all of them again when a watch has ended that has lasted', async () => {
    const api = new FakeApiServer();
    const guard = await start(api);
    for (const [round, label] of ['fairlead-system', undefined].entries()) {
      api.namespaces = [namespace('evil', label)];
      const now = performance.now() + (round + 1) * 20_000;
      const clock = mock.method(performance, 'now', () => now);
      api.endWatch();
      await settled();
      clock.mock.restore();
      assert.match(String(refusal(guard)), label === undefined ? /undefined/ : /=fairlead-system/);
    }
  });

  it('waits longer and longer if each watch ends at once', async () => {
    const api = new FakeApiServer();
    await start(api);
    const reads: number[] = [performance.now()];
    for (let count = api.asked.length; reads.length < 4; count = api.asked.length) {
      api.endWatch();
      await settled();
      assert.equal(api.asked.length, count, 'not at once');
      await until(() => api.asked.length > count);
      reads.push(performance.now());
      await settled();
    }
    const [first = 0, second = 0, third = 0, fourth = 0] = reads;
    assert.ok(second - first >= 450 && third - second >= 950 && fourth - third >= 1950, String(reads));
  });

  it('leaves the API server alone for as long as it wants', async () => {
    const api = new FakeApiServer();
    api.down = true;
    api.retryAfterMs = 2000;
    await start(api);
    const began = performance.now();
    await until(() => api.asked.length > 1);
    assert.ok(performance.now() - began >= 1950);
  });

  it('reads them again a moment after the watch failed, and admits nothing while it cannot', async () => {
    for (const [type, object] of [
      ['ERROR', { message: 'too old resource version' }],
      ['ADDED', { metadata: {} }],
    ] as const) {
      const api = new FakeApiServer();
      const guard = await start(api);
      const asked = api.asked.length;
      api.send(type, object);
      await settled();
      assert.equal(api.asked.length, asked, 'not at once');
      api.down = true;
      await until(() => refusal(guard) === 'Unavailable: cannot reach it');
      api.down = false;
      await until(() => refusal(guard) === undefined);
    }
  });

  it('starts where the API server cannot be asked, and knows nothing until it can', async () => {
    const api = new FakeApiServer();
    api.down = true;
    const guard = await start(api);
    assert.equal(refusal(guard), 'Unavailable: cannot reach it');
    api.down = false;
    api.namespaces = [namespace('evil', 'kube-system')];
    await until(() => /namespace "evil"/.test(refusal(guard) ?? ''));
  });
});
