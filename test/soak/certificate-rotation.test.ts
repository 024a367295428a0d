import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { boundedServer } from '#lib/http/bounded-server';
import { OldestReplaced } from '#lib/http/connections/oldest-replaced';
import { ServedTls } from '#lib/http/served-tls';
import { KubeClient } from '#lib/kube/client';
import { OperatorCertificates } from '#operator/certificates/operator-certificates';
import { type Durations, defaultDurations } from '#operator/certificates/plan';
import { temporaryPair } from '#operator/certificates/temporary-pair';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { startService } from '#test/support/operator/service';

const seconds = 1000;
/** A year of rotations in half a minute. */
const durations: Durations = {
  ...defaultDurations,
  authority: 36 * seconds,
  serving: 15 * seconds,
  overlap: 5 * seconds,
  takenUp: seconds,
};
const interval = 500;

/** A replica of an operator that admits every pod, over a new connection each time. */
class Replica {
  readonly #server: Server;
  readonly #api: KubeClient;
  readonly #certificates: OperatorCertificates;

  private constructor(server: Server, api: KubeClient, certificates: OperatorCertificates) {
    this.#server = server;
    this.#api = api;
    this.#certificates = certificates;
  }

  static async start(kubeconfig: string, lines: string[], count: (verb: string) => void): Promise<Replica> {
    const tls = new ServedTls(temporaryPair(['127.0.0.1']));
    const times = { head: 5000, request: 5000, idle: 5000, silence: 5000 };
    const server = boundedServer(
      async (request, response) => {
        const { request: review } = JSON.parse(await text(request));
        response.setHeader('connection', 'close');
        response.setHeader('content-type', 'application/json');
        const answer = { uid: review.uid, allowed: true };
        response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
      },
      { times, connections: new OldestReplaced(100), tls },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const api = await KubeClient.open({ kubeconfig, answerWithin: 5000, metrics: { countRequest: count } });
    const log = pino({}, { write: (line: string) => lines.push(line) });
    const certificates = new OperatorCertificates({
      ...{ api, tls, log, durations, interval },
      namespace: 'default',
      names: ['127.0.0.1'],
    });
    await certificates.start();
    return new Replica(server, api, certificates);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await this.#certificates.stop();
    this.#api.close();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

describePeers(apiserverRequirements, 'several replicas that rotate the certificates of their webhook', () => {
  let api: Apiserver;
  before(async () => {
    api = await startApiserver();
  });
  after(() => api?.stop());

  it('lose no call, and write little', async (t) => {
    const service = await startService();
    const lines: string[] = [];
    const requests = new Map<string, number>();
    const count = (verb: string): void => void requests.set(verb, (requests.get(verb) ?? 0) + 1);
    const start = () => Replica.start(api.kubeconfig, lines, count);
    const webhook = {
      name: 'pods.example.com',
      admissionReviewVersions: ['v1'],
      clientConfig: { url: `https://${service.address}/` },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      failurePolicy: 'Fail',
      sideEffects: 'None',
    };
    const configuration = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'example', labels: { 'fairlead.dev/inject-ca': 'true' } },
      webhooks: [webhook],
    };
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
    assert.equal((await api.request('POST', path, configuration)).status, 201);
    const replicas = await Promise.all([start(), start(), start()]);
    service.setEndpoints(replicas.map(({ address }) => address));

    const create = async () => {
      const pod = { metadata: { generateName: 'pod-' }, spec: { containers: [{ name: 'app', image: 'app' }] } };
      return (await api.request('POST', '/api/v1/namespaces/default/pods?dryRun=All', pod)) as {
        status: number;
        body: { message?: string };
      };
    };
    const deadline = Date.now() + 20_000;
    while ((await create()).status !== 201) assert.ok(Date.now() < deadline, 'trusted');

    const stepsDone = () => lines.flatMap((line) => /"step":"(\w+)"/.exec(line)?.[1] ?? []);
    const began = Date.now();
    let calls = 0;
    try {
      while (!stepsDone().includes('trust') || stepsDone().filter((step) => step === 'renew').length < 3) {
        assert.ok(Date.now() - began < 100_000, stepsDone().join());
        const { status, body } = await create();
        assert.equal(status, 201, `after ${stepsDone().join()}: ${body.message}`);
        calls++;
        // One replica after the other is replaced.
        if (calls % 40 === 0) {
          const next = await start();
          const old = replicas.shift();
          replicas.push(next);
          service.setEndpoints(replicas.map(({ address }) => address));
          await old?.stop();
        }
        await sleep(20);
      }
    } finally {
      for (const replica of replicas) await replica.stop();
      await service.stop();
    }
    t.diagnostic(`${calls} calls; ${stepsDone().join(', ')}; requests: ${JSON.stringify([...requests])}`);
    const steps = stepsDone();
    assert.deepEqual(
      steps.filter((step) => step !== 'renew'),
      ['create', 'announce', 'change', 'trust'],
    );
    // One for each bundle; two replicas may be equally fast.
    assert.ok((requests.get('PATCH') ?? 0) <= 4 * 3, String(requests.get('PATCH')));
    assert.ok((requests.get('PUT') ?? 0) <= steps.length * 3);
  });
});
