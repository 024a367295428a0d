import assert from 'node:assert/strict';
import { afterEach, describe, it, mock } from 'node:test';
import { TestLog } from '#test/support/kube/widgets';
import type { ApiCall, WritableApiServer } from './api-server.ts';
import { runAsLeader } from './leader-election.ts';

/** An API server with one Lease, which another client has written. */
class LeaseServer implements WritableApiServer {
  readonly written: string[] = [];
  #spec: object;

  constructor(spec: object) {
    this.#spec = spec;
  }

  async get(): Promise<string> {
    return JSON.stringify({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'leader', namespace: 'default', resourceVersion: String(this.written.length) },
      spec: this.#spec,
    });
  }

  async send({ body }: ApiCall): Promise<string> {
    const { spec } = body as { readonly spec: { readonly holderIdentity?: string } };
    this.written.push(spec.holderIdentity ?? '');
    this.#spec = spec;
    return await this.get();
  }

  async watch(): Promise<void> {
    assert.fail('nothing is watched');
  }

  close(): void {}
}

describe('runAsLeader', () => {
  afterEach(() => mock.restoreAll());

  it('waits at most two minutes for a leader that does not renew, however long its Lease is', async () => {
    const begun = performance.now();
    const real = performance.now.bind(performance);
    mock.method(performance, 'now', () => begun + (real() - begun) * 1000);
    const api = new LeaseServer({ holderIdentity: 'absent', leaseDurationSeconds: 2 ** 31 - 1 });
    const stopped = new AbortController();
    let waited = 0;
    await runAsLeader(
      { api, lease: { namespace: 'default', name: 'leader' }, identity: 'us', leaseSeconds: 0.05, log: new TestLog() },
      async () => {
        waited = performance.now() - begun;
        stopped.abort();
      },
      stopped.signal,
    );
    assert.equal(api.written[0], 'us');
    assert.ok(waited >= 120_000, `${waited} ms`);
  });
});
