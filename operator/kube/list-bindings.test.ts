import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { type ErrorKind, FairleadError } from '#lib/errors';
import type { ApiServer } from '#lib/kube/api-server';
import { CurrentLists } from '#lib/kube/current-lists';
import { describePeers } from '#test/peers/require';
import { readArtifactBinding } from '../bind/read-binding.ts';
import { openApiServer } from './api-server.ts';
import { bindingSource } from './list-bindings.ts';

const script = fileURLToPath(new URL('../../deploy/operator/certificate.sh', import.meta.url));
const empty = '{"metadata":{},"items":[]}';

/** One of the lists of the source. */
const artifactBindings = (api: ApiServer) =>
  new CurrentLists(api).of({
    resource: {
      ...{ group: 'fairlead.dev', version: 'v1alpha1', plural: 'artifactbindings', kind: 'ArtifactBinding' },
      namespaced: true,
    },
    parse: readArtifactBinding,
  });

const isError = (kind: ErrorKind, message: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof FairleadError);
  assert.deepEqual([thrown.kind, message.test(thrown.message) || thrown.message], [kind, true]);
  return true;
};

describePeers(['openssl'], 'listing bindings', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-list-'));
  execFileSync(script, [folder, 'IP:127.0.0.1']);
  execFileSync(script, [path.join(folder, 'stranger'), 'IP:127.0.0.1']);
  const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
  const kubeconfig = path.join(folder, 'kubeconfig');

  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer({ cert: read('tls.crt'), key: read('tls.key') }, (request, response) => {
    handle(request, response);
  });
  const answering = (status: number, body: string) => {
    handle = (_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };
  const writeKubeconfig = (authority: string, url: string) =>
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority': authority } }],
        users: [{ name: 'u', user: { token: 'secret-token' } }],
      }),
    );
  const url = () => `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const list = async () => {
    const api = await openApiServer(kubeconfig);
    try {
      return await artifactBindings(api).list('web');
    } finally {
      api.close();
    }
  };

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    writeKubeconfig('ca.crt', `${url()}/clusters/one/`);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('asks for one namespace, as the kubeconfig specifies, and not for a cached answer', async () => {
    let asked: IncomingMessage | undefined;
    handle = (request, response) => {
      asked = request;
      response.end(empty);
    };
    assert.deepEqual(await list(), []);
    assert.equal(asked?.url, '/clusters/one/apis/fairlead.dev/v1alpha1/namespaces/web/artifactbindings?limit=500');
    assert.equal(asked?.headers.authorization, 'Bearer secret-token');
  });

  it('keeps its connection, and opens another where the kept one was closed', async () => {
    const sockets: unknown[] = [];
    let closing = false;
    handle = (request, response) => {
      if (closing && sockets.at(-1) === request.socket) {
        request.socket.destroy();
        return;
      }
      sockets.push(request.socket);
      response.end(empty);
    };
    const api = await openApiServer(kubeconfig);
    const source = artifactBindings(api);
    await source.list('web');
    await source.list('web');
    assert.equal(sockets.length, 2);
    assert.equal(sockets[0], sockets[1]);
    closing = true;
    assert.deepEqual(await source.list('web'), []);
    assert.equal(sockets.length, 3);
    assert.notEqual(sockets[1], sockets[2]);
    api.close();
  });

  it('asks once for all who come while it is answered, and never tells them what was so before', async () => {
    const waiting: ServerResponse[] = [];
    handle = (_request, response) => waiting.push(response);
    const until = async (count: number) => {
      while (waiting.length < count) await sleep(1);
    };
    const api = await openApiServer(kubeconfig);
    const source = artifactBindings(api);
    const first = source.list('web');
    await until(1);
    const later = Array.from({ length: 20 }, () => source.list('web'));
    const elsewhere = source.list('other');
    await until(2);
    waiting.shift()?.end(empty);
    assert.deepEqual(await first, []);
    waiting.shift()?.end(empty);
    assert.deepEqual(await elsewhere, []);
    await until(1);
    const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
    const items = [{ metadata: { name: 'created-meanwhile' }, spec: { reference, podSelector: {} } }];
    waiting.shift()?.end(JSON.stringify({ metadata: {}, items }));
    for (const bindings of await Promise.all(later)) assert.equal(bindings[0]?.name, 'created-meanwhile');
    assert.equal(waiting.length, 0);
    api.close();
  });

  it('reads few large lists at a time, small ones meanwhile, and reports it to callers that do not get a turn', async () => {
    let asked = 0;
    handle = ({ url: asking = '' }, response) => {
      asked++;
      if (asking.includes('/small/')) response.end(empty);
      else response.write(' '.repeat(300 * 1024));
    };
    const api = await openApiServer(kubeconfig);
    const source = artifactBindings(api);
    const lists: Promise<unknown>[] = [];
    // One after the other: if many namespaces waited, a list of the cluster would serve them.
    for (let i = 0; i < 10; i++) {
      lists.push(source.list(`n${i}`));
      while (asked <= i) await sleep(1);
    }
    const large = Promise.allSettled(lists);
    assert.deepEqual(await source.list('small'), []);
    const reasons = (await large).map((outcome) => (outcome.status === 'rejected' ? outcome.reason.message : ''));
    const late = /^cannot list .* namespace n\d: it is large, and too many other/;
    assert.equal(reasons.filter((reason) => late.test(reason)).length, 6, reasons.join('\n'));
    assert.equal(reasons.filter((reason) => /no answer within 3000 ms/.test(reason)).length, 4);
    api.close();
  });

  it('reports what stands in the way, and what to do', async () => {
    const forbidden = 'is forbidden: User "operator" cannot list resource "artifactbindings": the reason';
    const refusals: [number, ErrorKind, RegExp, string?][] = [
      [401, 'Unauthenticated', /credentials/],
      [403, 'NotAllowed', /rbac\.yaml/, forbidden],
      [403, 'NotAllowed', /^$/],
      [404, 'NotFound', /operator manifests --crds/],
      [429, 'Unavailable', /Try again later/],
      [500, 'Unavailable', /^$/],
    ];
    for (const [status, kind, hint, message = 'the reason'] of refusals) {
      answering(status, JSON.stringify({ kind: 'Status', message }));
      await assert.rejects(list(), (thrown) => {
        isError(kind, /^cannot list the ArtifactBindings of namespace web: .*the reason/)(thrown);
        assert.match((thrown as FairleadError).hint ?? '', hint);
        return true;
      });
    }
  });

  it('refuses answers that it cannot take whole', async () => {
    answering(200, '{"metadata":{"continue":"next"},"items":[]}');
    await assert.rejects(list(), isError('LimitExceeded', /namespace web: there are more than 500/));
    answering(200, '<html>');
    await assert.rejects(list(), isError('Unavailable', /namespace web: the answer is not valid JSON/));
    answering(200, ' '.repeat(5 * 1024 * 1024));
    await assert.rejects(list(), isError('LimitExceeded', /more than 4194304 bytes/));
    answering(200, `{"metadata":{},"items":[${'[],'.repeat(100_000)}[]]}`);
    await assert.rejects(list(), isError('LimitExceeded', /namespace web: more than 100000 JSON values/));
    handle = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{');
      setImmediate(() => response.destroy());
    };
    await assert.rejects(list(), isError('Unavailable', /namespace web/));
  });

  it('does not wait longer than the webhook may', async () => {
    handle = () => undefined;
    const started = performance.now();
    await assert.rejects(list(), isError('Unavailable', /no answer within 3000 ms/));
    assert.ok(performance.now() - started < 4500);
  });

  it('probes with one binding of the cluster', async () => {
    let asked: string | undefined;
    handle = (request, response) => {
      asked = request.url;
      response.end(empty);
    };
    const api = await openApiServer(kubeconfig);
    const source = artifactBindings(api);
    await source.probe();
    assert.equal(asked, '/clusters/one/apis/fairlead.dev/v1alpha1/artifactbindings?limit=1');
    answering(404, '');
    await assert.rejects(source.probe(), isError('NotFound', /cannot list the ArtifactBindings: /));
    api.close();
  });

  it('reads all kinds of bindings: of the namespace, and of the cluster', async () => {
    const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
    const specs: Record<string, readonly object[]> = {
      '/apis/fairlead.dev/v1alpha1/namespaces/web/artifactbindings': [{ reference, podSelector: {} }],
      '/apis/fairlead.dev/v1alpha1/clusterartifactbindings': [{ reference, podSelector: {}, namespaceSelector: {} }],
      '/apis/security-profiles-operator.x-k8s.io/v1/namespaces/web/profilebindings': [
        { image: '*', profileRef: { kind: 'SelinuxProfile', name: 'web' } },
        { image: '*', profileRef: { kind: 'SeccompProfile', name: 'web' } },
      ],
    };
    handle = ({ url: asked = '' }, response) => {
      const [, at = ''] = /^\/clusters\/one(.*)\?/.exec(asked) ?? [];
      const items = (specs[at] ?? []).map((spec, i) => ({ metadata: { namespace: 'web', name: `b${i}` }, spec }));
      response.end(JSON.stringify({ metadata: {}, items }));
    };
    const api = await openApiServer(kubeconfig);
    const source = bindingSource({ api, namespace: 'fairlead-system', log: pino({ level: 'silent' }) });
    const bindings = await source.list('web');
    const titles = (of: typeof bindings) => of.map(({ kind, name }) => `${kind} ${name}`);
    assert.deepEqual(titles(bindings), ['ArtifactBinding b0', 'ClusterArtifactBinding b0', 'ProfileBinding b1']);
    assert.equal(await source.list('web'), bindings, 'the same array');
    assert.deepEqual(titles(await source.list('other')), ['ClusterArtifactBinding b0']);
    specs['/apis/fairlead.dev/v1alpha1/clusterartifactbindings'] = [];
    assert.deepEqual(titles(await source.list('web')), ['ArtifactBinding b0', 'ProfileBinding b1']);
    api.close();
  });

  it('does not connect to a server that it does not trust', async () => {
    answering(200, empty);
    writeKubeconfig('stranger/ca.crt', url());
    await assert.rejects(list(), isError('Unavailable', /certificate|signature/));
    writeKubeconfig('ca.crt', 'https://127.0.0.1:1');
    await assert.rejects(list(), isError('Unavailable', /ECONNREFUSED/));
  });

  it('wants a kubeconfig, or to be in a cluster', async () => {
    await assert.rejects(openApiServer(path.join(folder, 'absent')), isError('InvalidInput', /absent/));
    writeFileSync(kubeconfig, '{}');
    await assert.rejects(openApiServer(kubeconfig), isError('InvalidInput', /kubeconfig/));
    const { KUBERNETES_SERVICE_HOST } = process.env;
    delete process.env['KUBERNETES_SERVICE_HOST'];
    try {
      await assert.rejects(openApiServer(undefined), isError('InvalidInput', /no kubeconfig/));
    } finally {
      if (KUBERNETES_SERVICE_HOST !== undefined) process.env['KUBERNETES_SERVICE_HOST'] = KUBERNETES_SERVICE_HOST;
    }
  });
});
