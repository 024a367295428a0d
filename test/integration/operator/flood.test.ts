import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo, TcpNetConnectOpts } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { finishFolder, freePort, type Program, startProgram, temporaryFolder } from '#test/peers/program';
import { describePeers } from '#test/peers/require';
import { launcher } from '#test/support/cli/run';
import { manifest } from '#test/support/operator-cluster';

const certificate = fileURLToPath(new URL('../../../deploy/operator/certificate.sh', import.meta.url));
const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
const mebibyte = 1024 * 1024;
/**
 * What the operator may take in a cluster, in bytes, and how long API servers wait for it, in
 * milliseconds.
 */
const { memoryLimit, webhookTimeout } = manifestLimits();

function manifestLimits() {
  const container = v.object({ resources: v.object({ limits: v.object({ memory: v.string() }) }) });
  const deployment = v.object({
    spec: v.object({ template: v.object({ spec: v.object({ containers: v.tuple([container]) }) }) }),
  });
  const configuration = v.object({ webhooks: v.array(v.object({ timeoutSeconds: v.number() })) });
  const [, operatorDeployment] = manifest('deployment.yaml');
  const [{ resources }] = v.parse(deployment, operatorDeployment).spec.template.spec.containers;
  const [, mebibytes] = /^(\d+)Mi$/.exec(resources.limits.memory) ?? [];
  assert.ok(mebibytes !== undefined, resources.limits.memory);
  const timeouts = manifest('webhook.yaml').flatMap((each) =>
    v.parse(configuration, each).webhooks.map(({ timeoutSeconds }) => timeoutSeconds),
  );
  return { memoryLimit: Number(mebibytes) * mebibyte, webhookTimeout: Math.min(...timeouts) * 1000 };
}

/** A review of about `bytes` bytes, filled with what costs a JSON parser most, or with text. */
function review(bytes: number, filling: 'lists' | 'text'): string {
  const spec = { containers: [{ name: 'app' }], filled: '' };
  const body = JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'web',
      operation: 'UPDATE',
      object: { metadata: { labels: { app: 'nginx' } }, spec },
      oldObject: { metadata: {}, spec: { ...spec, filled: undefined } },
    },
  });
  const unit = filling === 'lists' ? '[],' : 'text';
  const filled = unit.repeat(Math.max(0, Math.floor((bytes - body.length) / unit.length)));
  return body.replace('"filled":""', `"filled":${filling === 'lists' ? `[${filled}[]]` : JSON.stringify(filled)}`);
}

describePeers(['openssl'], 'the webhook under a flood', () => {
  const folder = temporaryFolder('flood');
  let api: Server;
  let operator: Program;
  let port: number;
  before(async () => {
    finishFolder(folder);
    execFileSync(certificate, [folder, 'IP:127.0.0.1']);
    const tls = { cert: readFileSync(path.join(folder, 'tls.crt')), key: readFileSync(path.join(folder, 'tls.key')) };
    // An API server that takes its time.
    api = createServer(tls, async ({ url }, response) => {
      if (url !== '/version') await sleep(300);
      // Nothing changes that is watched.
      if (url?.includes('watch=')) return void response.writeHead(200).flushHeaders();
      const spec = { reference, podSelector: { matchLabels: { app: 'nginx' } } };
      const binding = { metadata: { name: 'nginx', namespace: 'web', uid: '1', resourceVersion: '1' }, spec };
      const namespace = { metadata: { name: 'web', uid: '2', resourceVersion: '1' } };
      const isNamespaces = url?.startsWith('/api/v1/namespaces?') === true;
      const items = url?.includes('/artifactbindings') ? [binding] : isNamespaces ? [namespace] : [];
      const list = { metadata: { resourceVersion: '1' }, items };
      response.end(JSON.stringify(url === '/version' ? { major: '1', minor: '36' } : list));
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    const kubeconfig = path.join(folder, 'kubeconfig');
    const server = `https://127.0.0.1:${(api.address() as AddressInfo).port}`;
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [{ name: 'c', cluster: { server, 'certificate-authority': 'ca.crt' } }],
        users: [{ name: 'u', user: { token: 't' } }],
      }),
    );
    port = await freePort();
    operator = await startProgram({
      name: 'operator',
      command: process.execPath,
      args: [
        ...[launcher, 'operator', '--listen', `127.0.0.1:${port}`, '--kubeconfig', kubeconfig],
        ...['--tls-cert', path.join(folder, 'tls.crt'), '--tls-key', path.join(folder, 'tls.key')],
      ],
      folder,
      ready: async () => (await call('127.0.0.1', undefined)).status === 200,
    });
  });
  after(async () => {
    await operator?.stop();
    api?.closeAllConnections();
    api?.close();
  });

  const agents = new Map<string, Agent>();
  /**
   * Sends a review from one of the addresses of loopback, or asks whether the operator is ready.
   */
  const call = (from: string, body: string | undefined): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const agent = agents.get(from) ?? new Agent({ keepAlive: true });
      agents.set(from, agent);
      const options = {
        ...{ host: '127.0.0.1', port, localAddress: from, agent, rejectUnauthorized: false },
        ...(body === undefined
          ? { path: '/readyz' }
          : {
              path: '/validate-pods',
              method: 'POST',
              headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
            }),
      };
      const sent = request(options, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const open = (from: string): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const to = { host: '127.0.0.1', port, localAddress: from, rejectUnauthorized: false };
      const options: ConnectionOptions & TcpNetConnectOpts = to;
      const socket = connect(options, () => resolve(socket));
      socket.once('error', reject);
    });
  const peakMemory = (): number => {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${operator.pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes) * 1024;
  };
  /**
   * What the API server gets while others flood: an answer in time, and the decision at the latest
   * when the author of the pod tries again for the second time.
   */
  const decides = async (rounds: number): Promise<void> => {
    const ordinary = review(20_000, 'text');
    const ask = async (round: number): Promise<string> => {
      const started = performance.now();
      const { status, body } = await call('127.0.0.1', ordinary);
      assert.equal(status, 200, body);
      assert.ok(performance.now() - started < webhookTimeout, `round ${round} took ${performance.now() - started} ms`);
      return body;
    };
    for (let round = 0; round < rounds; round++) {
      let body = await ask(round);
      for (let retry = 0; retry < 2 && body.includes('"reason":"ServiceUnavailable"'); retry++) body = await ask(round);
      assert.match(body, /the pod does not name it/);
    }
  };

  it('stays within its memory for 8 reviews of 3.7 MiB at once, and for 40', { timeout: 120_000 }, async () => {
    for (const [reviews, filling] of [
      [8, 'lists'],
      [8, 'text'],
      [40, 'lists'],
      [40, 'text'],
    ] as const) {
      const body = review(3.7 * mebibyte, filling);
      const flood = Array.from({ length: reviews }, (_, i) =>
        call(`127.0.0.${2 + (i % 5)}`, body).catch(() => undefined),
      );
      await Promise.all(flood);
      await decides(1);
    }
    assert.ok(peakMemory() < 0.8 * memoryLimit, `${Math.round(peakMemory() / mebibyte)} MiB`);
  });

  it('decides in time while three others send without end', { timeout: 120_000 }, async () => {
    const attackers = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
    let over = false;
    const flood = attackers.flatMap((from) =>
      Array.from({ length: 8 }, async (_, i) => {
        const body = review(3.7 * mebibyte, i % 2 === 0 ? 'lists' : 'text');
        while (!over) await call(from, body).catch(() => sleep(10));
      }),
    );
    try {
      await sleep(500);
      await decides(10);
    } finally {
      over = true;
      for (const from of attackers) agents.get(from)?.destroy();
      await Promise.all(flood);
    }
    await decides(1);
  });

  it('decides in time while others send their bodies drop by drop, and cuts these', { timeout: 120_000 }, async () => {
    const head = `POST /validate-pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${3.7 * mebibyte}\r\n\r\n`;
    const sockets = await Promise.all(
      ['127.0.0.6', '127.0.0.7', '127.0.0.8', '127.0.0.9'].flatMap((from) =>
        Array.from({ length: 5 }, async () => {
          const socket = await open(from);
          socket.on('error', () => undefined);
          socket.resume();
          socket.write(`${head}{`);
          return socket;
        }),
      ),
    );
    const dripping = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write(' ');
    }, 200);
    try {
      await decides(5);
      const deadline = Date.now() + 20_000;
      while (sockets.some(({ destroyed }) => !destroyed)) {
        assert.ok(Date.now() < deadline, 'not cut within 20 s');
        await sleep(100);
      }
    } finally {
      clearInterval(dripping);
    }
    await decides(1);
  });
});
