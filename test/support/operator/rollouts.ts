import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { freePort } from '#test/peers/program';
import { OperatorCluster } from '../operator-cluster.ts';
import { type Replica, startReplica } from './replica.ts';
import { startService } from './service.ts';

export interface Rollouts {
  readonly count: number;
  /** Pods that are created in a second. */
  readonly rate: number;
  /** Seconds of `--shutdown-delay`. */
  readonly shutdownDelay: number;
  /** Milliseconds after SIGTERM in which the Service still sends connections to a replica. */
  readonly endpointLag: number;
  /**
   * Milliseconds for which replicas are waited for at the end. One that an API server keeps an idle
   * connection to ends up to 100 seconds after it was asked to.
   */
  readonly endWithin: number;
}

export interface RolloutResult {
  readonly created: number;
  /** What the API server answered for pods that it did not create. */
  readonly failures: readonly string[];
  /** What each replica ended with that has ended in time. */
  readonly exitCodes: readonly (number | null)[];
  /** Milliseconds from SIGTERM to the end of each replica. */
  readonly endings: readonly number[];
}

/**
 * Replaces the only replica of the operator `count` times, while pods are created at a constant
 * rate through a Service.
 */
export async function rollOut({
  count,
  rate,
  shutdownDelay,
  endpointLag,
  endWithin,
}: Rollouts): Promise<RolloutResult> {
  const service = await startService();
  const listen = `127.0.0.1:${await freePort()}`;
  service.setEndpoints([listen]);
  const replicas: Replica[] = [];
  let cluster: OperatorCluster | undefined;
  let load: PodLoad | undefined;
  try {
    cluster = await OperatorCluster.start({ listen, reachedAt: service.address });
    const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
    assert.equal((await cluster.bind('nginx', { reference, podSelector: {} })).status, 201);
    const files = ['--tls-cert', 'tls.crt', '--tls-key', 'tls.key', '--kubeconfig', 'operator.kubeconfig'];
    const directory = cluster.file('');
    const start = async (): Promise<Replica> => {
      const replica = await startReplica([...files, '--shutdown-delay', String(shutdownDelay)], directory);
      replicas.push(replica);
      service.setEndpoints([replica.address]);
      return replica;
    };
    let current = await start();
    await cluster.stopOperator();

    load = new PodLoad(cluster.api.url, cluster.api.kubeconfig, rate);
    const asked: Promise<void>[] = [];
    const endings: number[] = [];
    const exitCodes: (number | null)[] = [];
    const terminate = async (replica: Replica): Promise<void> => {
      const begun = Date.now();
      replica.terminate();
      exitCodes.push(await replica.ended());
      endings.push(Date.now() - begun);
    };
    await sleep(1000);
    for (let rollout = 0; rollout < count; rollout++) {
      const next = await startReplica([...files, '--shutdown-delay', String(shutdownDelay)], directory);
      replicas.push(next);
      // Ready, and one of two endpoints.
      service.setEndpoints([current.address, next.address]);
      await sleep(endpointLag);
      asked.push(terminate(current));
      await sleep(endpointLag);
      service.setEndpoints([next.address]);
      current = next;
    }
    await Promise.race([Promise.all(asked), sleep(endWithin, undefined, { ref: false })]);
    await sleep(500);
    const { created, failures } = await load.stop();
    return { created, failures, exitCodes: [...exitCodes], endings: [...endings] };
  } finally {
    await load?.stop();
    for (const replica of replicas) replica.kill();
    await cluster?.stop();
    await service.stop();
  }
}

/** Requests at a time. On a busy machine the rate is lower, and no call takes too long. */
const maxRunning = 16;

/** Creates pods in the namespace `web` at a constant rate, whatever the answers. */
class PodLoad {
  readonly #agent: Agent;
  readonly #url: URL;
  readonly #timer: NodeJS.Timeout;
  readonly #running = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  #sent = 0;
  #created = 0;

  constructor(url: string, kubeconfig: string, rate: number) {
    const config = parse(readFileSync(kubeconfig, 'utf8'));
    const pem = (data: string): Buffer => Buffer.from(data, 'base64');
    const { user } = config.users[0];
    this.#agent = new Agent({
      keepAlive: true,
      ca: pem(config.clusters[0].cluster['certificate-authority-data']),
      cert: pem(user['client-certificate-data']),
      key: pem(user['client-key-data']),
    });
    this.#url = new URL('/api/v1/namespaces/web/pods', url);
    const began = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - began) / 1000) * rate;
      while (this.#sent < due && this.#running.size < maxRunning) this.#send();
    }, 5);
  }

  async stop(): Promise<{ created: number; failures: readonly string[] }> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    this.#agent.destroy();
    return { created: this.#created, failures: this.#failures };
  }

  #send(): void {
    const name = `pod-${this.#sent++}`;
    const sent = this.#create(name).catch((error: Error) => void this.#failures.push(`${name}: ${error.message}`));
    this.#running.add(sent);
    void sent.finally(() => this.#running.delete(sent));
  }

  async #create(name: string): Promise<void> {
    const sent = request(this.#url, {
      method: 'POST',
      agent: this.#agent,
      headers: { 'content-type': 'application/json' },
    });
    sent.end(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, labels: { app: 'nginx' } },
        spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1' }] },
      }),
    );
    const [response] = await once(sent, 'response');
    const answer = JSON.parse(await text(response));
    if (response.statusCode === 201 && answer.spec.securityContext?.seccompProfile !== undefined) this.#created++;
    else this.#failures.push(`${name}: ${response.statusCode} ${answer.message ?? 'not bound'}`);
  }
}
