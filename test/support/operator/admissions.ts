import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { forEachOf } from '#lib/concurrency/for-each-of';
import { freePort, type Program, startProgram } from '#test/peers/program';
import { type Json, OperatorCluster, until } from '../operator-cluster.ts';
import { type Replica, startReplica } from './replica.ts';

/** The namespace whose pods go through a webhook that answers at once. */
export const immediate = 'immediate';
/** Its label; the operator's webhooks leave namespaces with it alone. */
const immediateLabel = 'fairlead.test/immediate';
const immediateWebhook = fileURLToPath(new URL('immediate-webhook.ts', import.meta.url));
const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;

/** Pods that were created, and the answers of the API server for others. */
export interface Created {
  readonly created: number;
  readonly failures: readonly string[];
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly url: string };
  readonly namespaceSelector?: { readonly matchExpressions?: readonly object[] };
}

/**
 * A cluster in which pods of the namespace `web` are admitted by an operator in a process of its
 * own, and those of the namespace `immediate` by a webhook that answers at once.
 */
export class AdmissionCluster {
  readonly cluster: OperatorCluster;
  readonly operator: Replica;
  readonly #immediate: Program;
  readonly #agent: Agent;
  #created = 0;

  private constructor(cluster: OperatorCluster, operator: Replica, immediate: Program) {
    this.cluster = cluster;
    this.operator = operator;
    this.#immediate = immediate;
    const { clusters, users } = parse(readFileSync(cluster.api.kubeconfig, 'utf8'));
    const pem = (data: string): Buffer => Buffer.from(data, 'base64');
    const { user } = users[0];
    this.#agent = new Agent({
      keepAlive: true,
      ca: pem(clusters[0].cluster['certificate-authority-data']),
      cert: pem(user['client-certificate-data']),
      key: pem(user['client-key-data']),
    });
  }

  static async start(): Promise<AdmissionCluster> {
    const cluster = await OperatorCluster.start();
    const configurations = cluster.webhooks('webhook.yaml');
    await cluster.stopOperator();
    const files = ['--tls-cert', 'tls.crt', '--tls-key', 'tls.key', '--kubeconfig', 'operator.kubeconfig'];
    const operator = await startReplica(files, cluster.file(''));
    const port = await freePort();
    const at = `https://127.0.0.1:${port}`;
    const immediateProgram = await startProgram({
      name: 'immediate-webhook',
      command: process.execPath,
      args: [immediateWebhook, cluster.file('tls.crt'), cluster.file('tls.key'), String(port)],
      folder: cluster.file(''),
      ready: async () => (await answers(at)) !== undefined,
    });
    const started = new AdmissionCluster(cluster, operator, immediateProgram);
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: immediate, labels: { [immediateLabel]: 'true' } },
    });
    for (const configuration of configurations) await started.#divide(configuration, at);
    await started.#untilBoth();
    return started;
  }

  /** Adds bindings of the namespace `web`, of which the first selects the pods that are created. */
  async bind(from: number, to: number): Promise<void> {
    const indexes = Array.from({ length: to - from }, (_, index) => from + index);
    await forEachOf(indexes, 8, async (index) => {
      const podSelector = { matchLabels: { app: index === 0 ? 'nginx' : `app-${index}` } };
      const { status, body } = await this.cluster.bind(`binding-${index}`, { reference, podSelector });
      assert.equal(status, 201, body.message);
    });
  }

  /** Creates pods in a namespace, `atOnce` at a time, until it is time. */
  async createPods(
    namespace: string,
    {
      atOnce,
      until,
      query = '',
    }: { readonly atOnce: number; readonly until: (sent: number) => boolean; readonly query?: string },
  ): Promise<Created> {
    let sent = 0;
    const failures: string[] = [];
    const worker = async (): Promise<void> => {
      while (!until(sent)) {
        sent++;
        const failure = await this.#create(namespace, query);
        if (failure !== undefined) failures.push(failure);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return { created: sent - failures.length, failures };
  }

  /** Returns how many lists of bindings the API server has answered so far. */
  async lists(): Promise<number> {
    const { body } = await this.cluster.api.request('GET', '/metrics');
    const lines = String(body).matchAll(/^apiserver_request_total\{(.*)\} (\d+)$/gm);
    let lists = 0;
    for (const [, labels = '', count] of lines) {
      if (/resource="(clusterartifact|artifact|profile)bindings"/.test(labels) && labels.includes('verb="LIST"'))
        lists += Number(count);
    }
    return lists;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    this.operator.kill();
    await this.#immediate.stop();
    await this.cluster.stop();
  }

  /** Returns the answer of the API server if it does not create a pod as it should. */
  async #create(namespace: string, query: string): Promise<string | undefined> {
    const path = `/api/v1/namespaces/${namespace}/pods${query}`;
    const headers = { 'content-type': 'application/json' };
    const sent = request(new URL(path, this.cluster.api.url), { method: 'POST', agent: this.#agent, headers });
    sent.end(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `pod-${this.#created++}`, labels: { app: 'nginx' } },
        spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1' }] },
      }),
    );
    const [response] = await once(sent, 'response');
    const answer = await text(response);
    const isBound = answer.includes(`oci/${reference}`);
    return response.statusCode === 201 && isBound === (namespace !== immediate) ? undefined : answer;
  }

  /** Replaces a webhook configuration of the operator by two, for different namespaces. */
  async #divide(configuration: Json, at: string): Promise<void> {
    const { name } = configuration['metadata'] as { readonly name: string };
    const webhooks = configuration['webhooks'] as readonly Webhook[];
    const path = `/apis/admissionregistration.k8s.io/v1/${String(configuration['kind']).toLowerCase()}s/${name}`;
    assert.equal((await this.cluster.request('DELETE', path)).status, 200);
    const place = (webhook: Webhook, origin: string, operator: string): Webhook => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, url: webhook.clientConfig.url.replace(/^https:\/\/[^/]+/, origin) },
      namespaceSelector: { matchExpressions: [{ key: immediateLabel, operator }] },
    });
    const ours = webhooks.map((webhook) => place(webhook, `https://${this.operator.address}`, 'DoesNotExist'));
    await this.cluster.apply({ ...configuration, webhooks: ours });
    const theirs = webhooks.filter((webhook) => webhook.name.endsWith('pods.fairlead.dev'));
    await this.cluster.apply({
      ...configuration,
      metadata: { name: 'immediate' },
      webhooks: theirs.map((webhook) => place(webhook, at, 'Exists')),
    });
  }

  /** Waits until the API server calls the operator for `web`, and the other webhook only. */
  async #untilBoth(): Promise<void> {
    await this.bind(0, 1);
    for (const namespace of ['web', immediate]) {
      await until(`pods of ${namespace} are admitted`, async () => {
        const once = { atOnce: 1, until: (sent: number) => sent === 1, query: '?dryRun=All' };
        return (await this.createPods(namespace, once)).created === 1;
      });
    }
  }
}

/** Returns the HTTP status of an answer, or undefined if the server did not answer. */
function answers(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    request(url, { rejectUnauthorized: false, agent: false, method: 'POST' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once('error', () => resolve(undefined))
      .end('{"request":{}}');
  });
}
