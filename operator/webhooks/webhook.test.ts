import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { FairleadError } from '#lib/errors';
import { TlsFiles } from '#lib/http/tls-files';
import { describePeers } from '#test/peers/require';
import { contextOf, nginx as labelled, reference } from '#test/support/nginx-binding';
import type { Binding } from '../bind/binding.ts';
import type { ClusterState } from '../bind/cluster-state.ts';
import type { AdmissionAnswer } from './admission-review.ts';
import { webhookServer } from './webhook.ts';

const nginx: Binding = { ...labelled, podSelector: {} };

const review = (request: object) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u-1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'web',
    operation: 'CREATE',
    object: { metadata: { generateName: 'nginx-' }, spec: { containers: [{ name: 'app' }] } },
    oldObject: null,
    dryRun: false,
    ...request,
  },
});

describePeers(['openssl'], 'the webhook', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-webhook-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  execFileSync(fileURLToPath(new URL('../../deploy/operator/certificate.sh', import.meta.url)), [
    folder,
    'IP:127.0.0.1',
  ]);
  const paths = { cert: path.join(folder, 'tls.crt'), key: path.join(folder, 'tls.key') };

  const call = async (
    payload: object | string,
    list: () => readonly Binding[],
    url = '/mutate-pods?timeout=5s',
    known?: Partial<ClusterState>,
  ) => {
    const logged: string[] = [];
    const asked: string[] = [];
    const source = {
      read: async (namespace: string) => {
        asked.push(namespace);
        return contextOf(list(), known);
      },
      probe: async () => {
        list();
      },
    };
    const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) });
    const server = webhookServer(source, await TlsFiles.open(paths), log);
    const answered = await server.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      payload,
    });
    const ready = await server.inject({ method: 'GET', url: '/readyz' });
    const alive = await server.inject({ method: 'GET', url: '/healthz' });
    await server.close();
    const answer = answered.json<AdmissionAnswer>();
    return {
      ...{ status: answered.statusCode, body: answered.body, answer, logged, asked },
      ...{ ready: ready.statusCode, readiness: ready.json(), alive: alive.statusCode },
    };
  };

  it('answers a bound pod with a patch and audit annotations', async () => {
    const { status, answer, asked, logged, ready, alive } = await call(review({}), () => [nginx]);
    assert.deepEqual([status, ready, alive], [200, 200, 200]);
    assert.deepEqual(asked, ['web']);
    const { patch, ...response } = answer.response;
    assert.deepEqual(response, {
      uid: 'u-1',
      allowed: true,
      patchType: 'JSONPatch',
      auditAnnotations: { 'bound-by': 'nginx', 'localhost-profile': `oci/${reference}` },
    });
    const operations = JSON.parse(Buffer.from(patch ?? '', 'base64').toString());
    assert.deepEqual(
      operations.map(({ path: place }: { path: string }) => place),
      ['/spec/securityContext', '/spec/containers/0/securityContext', '/metadata/annotations'],
    );
    assert.match(logged.join(), /"namespace":"web","pod":"nginx-…","bindings":\["nginx"\]/);
  });

  it('allows a pod without bindings, with no patch', async () => {
    const { answer } = await call(review({}), () => []);
    assert.deepEqual(answer, {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u-1', allowed: true },
    });
  });

  it('denies a pod that contradicts its binding with 403 and a way out', async () => {
    const object = { metadata: {}, spec: { containers: [{ name: 'app', securityContext: { privileged: true } }] } };
    const { answer } = await call(review({ object }), () => [nginx]);
    assert.equal(answer.response.allowed, false);
    assert.equal(answer.response.status?.code, 403);
    assert.match(
      answer.response.status?.message ?? '',
      /"nginx".*container "app" is privileged.*Remove these settings/,
    );
  });

  it('denies with 503 when bindings cannot be listed, and is not ready', async () => {
    const down = () => {
      throw new FairleadError('Unavailable', 'cannot list the ArtifactBindings of namespace web: no answer');
    };
    const { answer, ready, readiness, alive, logged } = await call(review({}), down);
    assert.deepEqual(answer.response, {
      uid: 'u-1',
      allowed: false,
      status: {
        code: 503,
        reason: 'ServiceUnavailable',
        message: 'fairlead operator: cannot list the ArtifactBindings of namespace web: no answer',
      },
    });
    assert.deepEqual([ready, readiness, alive], [503, { status: 'not ready' }, 200]);
    assert.match(logged.join(), /could not be judged/);
  });

  it('denies with a 500 what is not the pod author’s fault', async () => {
    const defects: (() => readonly Binding[])[] = [
      () => {
        throw new FairleadError('NotFound', 'no such resource', { hint: 'Apply the CRD.' });
      },
      () => {
        throw new TypeError('a defect');
      },
    ];
    for (const list of defects) {
      const { answer } = await call(review({}), list);
      assert.deepEqual([answer.response.allowed, answer.response.status?.code], [false, 500]);
    }
  });

  it('denies what it does not know: other resources, operations, shapes of a pod', async () => {
    const strange: [object, RegExp][] = [
      [{ resource: { group: 'apps', version: 'v1', resource: 'deployments' } }, /CREATE of apps\/v1 deployments/],
      [{ operation: 'UPDATE' }, /UPDATE of v1 pods/],
      [{ subResource: 'exec', operation: 'CONNECT' }, /CONNECT of v1 pods\/exec/],
      [{ object: null }, /does not have this object/],
      [{ object: { metadata: {}, spec: {} } }, /invalid pod: spec\.containers/],
      [{ object: { metadata: { labels: { a: 1 } }, spec: { containers: [] } } }, /invalid pod: metadata\.labels/],
      [{ subResource: 'ephemeralcontainers', operation: 'UPDATE', object: { ephemeralContainers: [] } }, /invalid pod/],
    ];
    const strangeUpdates: [object, RegExp][] = [
      [{ operation: 'DELETE' }, /DELETE of v1 pods/],
      [{ operation: 'UPDATE', subResource: 'status' }, /UPDATE of v1 pods\/status/],
      [{ operation: 'UPDATE' }, /does not have this object/],
    ];
    for (const [url, requests] of [
      ['/mutate-pods', strange],
      ['/validate-pods', strangeUpdates],
    ] as const) {
      for (const [request, message] of requests) {
        const { answer } = await call(review(request), () => [nginx], url);
        assert.deepEqual([answer.response.allowed, answer.response.status?.code], [false, 500]);
        assert.match(answer.response.status?.message ?? '', message);
      }
    }
  });

  it('binds what kubectl debug adds', async () => {
    const spec = { containers: [{ name: 'app' }] };
    const { answer } = await call(
      review({
        subResource: 'ephemeralcontainers',
        operation: 'UPDATE',
        object: { metadata: {}, spec: { ...spec, ephemeralContainers: [{ name: 'debugger' }] } },
        oldObject: { metadata: {}, spec },
      }),
      () => [nginx],
    );
    const patch = JSON.parse(Buffer.from(answer.response.patch ?? '', 'base64').toString());
    assert.deepEqual(
      patch.map(({ path: place }: { path: string }) => place),
      ['/spec/ephemeralContainers/0/securityContext'],
    );
  });

  it('checks what is stored, and writes nothing', async () => {
    const validate = (request: object) => call(review(request), () => [nginx], '/validate-pods?timeout=5s');
    const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: `oci/${reference}` } };
    const bound = { metadata: {}, spec: { securityContext, containers: [{ name: 'app', securityContext }] } };
    assert.deepEqual((await validate({ object: bound })).answer.response, { uid: 'u-1', allowed: true });

    const denied = async (request: object, message: RegExp) => {
      const { answer } = await validate(request);
      assert.deepEqual([answer.response.allowed, answer.response.status?.code], [false, 403]);
      assert.match(answer.response.status?.message ?? '', message);
    };
    await denied({}, /"nginx".*container "app" does not name it\. A webhook/);
    const free = { metadata: {}, spec: { containers: [{ name: 'app' }] } };
    const spec = { ...bound.spec, ephemeralContainers: [{ name: 'debugger' }] };
    const update = { subResource: 'ephemeralcontainers', operation: 'UPDATE' };
    await denied({ ...update, object: { ...bound, spec }, oldObject: bound }, /"debugger" does not name it/);
    const kind = { group: '', version: 'v1', kind: 'EphemeralContainers' };
    await denied({ ...update, kind, object: { ephemeralContainers: [] }, oldObject: free }, /before Kubernetes 1\.22/);
  });

  it('asks for no bindings where an update changes nothing that they decide', async () => {
    const free = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'app' }] } };
    const update = (object: object) =>
      call(review({ operation: 'UPDATE', object, oldObject: free }), () => [nginx], '/validate-pods');
    const finalized = await update({ ...free, metadata: { ...free.metadata, finalizers: ['example.com/x'] } });
    assert.deepEqual([finalized.answer.response.allowed, finalized.asked], [true, []]);
    const relabelled = await update({ ...free, metadata: {} });
    assert.deepEqual([relabelled.answer.response.allowed, relabelled.asked], [true, ['web']]);
  });

  it('lets in only bindings that it can read, and those that are stored be changed in what is right with them', async () => {
    const binding = (spec: object) => ({ metadata: { name: 'nginx' }, spec: { reference, podSelector: {}, ...spec } });
    const ask = async (request: object) => {
      const resource = { group: 'fairlead.dev', version: 'v1alpha1', resource: 'artifactbindings' };
      return (await call(review({ resource, ...request }), () => [], '/validate-artifactbindings')).answer.response;
    };
    const ofCluster = (spec: object) => {
      const resource = { group: 'fairlead.dev', version: 'v1alpha1', resource: 'clusterartifactbindings' };
      const object = { kind: 'ClusterArtifactBinding', ...binding({ namespaceSelector: {}, ...spec }) };
      return call(review({ resource, namespace: undefined, object }), () => [], '/validate-artifactbindings');
    };
    assert.ok((await ofCluster({})).answer.response.allowed);
    const selector = { matchExpressions: [{ key: 'a', operator: 'In' }] };
    assert.match(
      (await ofCluster({ namespaceSelector: selector })).answer.response.status?.message ?? '',
      /^ClusterArtifactBinding "nginx": spec\.namespaceSelector\.matchExpressions\.0: In requires values/,
    );
    const wrong = binding({ podSelector: { matchLabels: { 'app:': 'nginx' } } });
    const based = binding({ base: 'localhost/base.json' });
    for (const [request, message] of [
      [{ object: wrong }, /^ArtifactBinding "nginx": spec\.podSelector\.matchLabels: "app:" is not a valid label key/],
      [{ object: based }, /^ArtifactBinding "nginx": spec\.base: .*without the prefix localhost/],
      [{ operation: 'UPDATE', object: wrong, oldObject: binding({}) }, /is not a valid label key/],
      [{ operation: 'UPDATE', object: wrong, oldObject: based }, /is not a valid label key/],
    ] as const) {
      const { allowed, status } = await ask(request);
      assert.deepEqual([allowed, status?.code], [false, 403]);
      assert.match(status?.message ?? '', message);
    }
    for (const request of [
      { object: binding({}) },
      { operation: 'UPDATE', object: binding({}), oldObject: wrong },
      { operation: 'UPDATE', object: { ...wrong, metadata: { name: 'nginx', finalizers: [] } }, oldObject: wrong },
    ]) {
      assert.deepEqual(await ask(request), { uid: 'u-1', allowed: true });
    }
    assert.equal((await ask({ operation: 'DELETE', oldObject: wrong })).status?.code, 500);
  });

  it('lets no namespace come to carry the name of another, and one that does be changed in all else', async () => {
    const label = 'kubernetes.io/metadata.name';
    const namespace = (value?: string) => ({
      metadata: { name: 'web', labels: { team: 'a', ...(value !== undefined && { [label]: value }) } },
    });
    const ask = async (request: object) => {
      const resource = { group: '', version: 'v1', resource: 'namespaces' };
      const kind = { group: '', version: 'v1', kind: 'Namespace' };
      // Some API servers name the namespace in the review of itself, others do not.
      const body = review({ resource, kind, namespace: undefined, ...request });
      return (await call(body, () => [], '/validate-namespaces')).answer.response;
    };
    const foreign = namespace('kube-system');
    const update = (object: object, oldObject: object, subResource = '') =>
      ask({ operation: 'UPDATE', namespace: 'web', subResource, object, oldObject });
    for (const refused of [
      await ask({ object: foreign }),
      await update(foreign, namespace()),
      await update(foreign, namespace('web'), 'status'),
      await update(foreign, namespace('fairlead-system'), 'finalize'),
    ]) {
      assert.deepEqual([refused.allowed, refused.status?.code], [false, 403]);
      assert.match(refused.status?.message ?? '', /^namespace "web" may not .*name=kube-system\. .*name=web\.$/);
    }
    for (const allowed of [
      await ask({ object: namespace() }),
      await ask({ object: namespace('web') }),
      await update(namespace('web'), foreign),
      await update(namespace(), foreign),
      await update({ ...foreign, spec: { finalizers: [] } }, foreign, 'finalize'),
    ]) {
      assert.deepEqual(allowed, { uid: 'u-1', allowed: true });
    }
    for (const strange of [
      await ask({ object: null }),
      await ask({ operation: 'DELETE', object: foreign }),
      await ask({ object: foreign, resource: { group: '', version: 'v1', resource: 'pods' } }),
    ]) {
      assert.deepEqual([strange.allowed, strange.status?.code], [false, 500]);
    }
  });

  it('answers problem+json to what is not an AdmissionReview', async () => {
    const bodies: [object | string, number][] = [
      ['{', 400],
      ['[]', 400],
      [{ ...review({}), apiVersion: 'admission.k8s.io/v1beta1' }, 400],
      [review({ uid: '' }), 400],
      ['{"__proto__":{}}', 400],
      [`"${'x'.repeat(8 * 1024 * 1024)}"`, 413],
      ['', 400],
      [JSON.stringify(review({ more: Array.from({ length: 200_000 }, () => []) })), 413],
    ];
    for (const [body, expected] of bodies) {
      const { status, answer } = await call(body, () => [nginx]);
      assert.equal(status, expected);
      assert.ok(!('response' in answer) && 'detail' in answer);
    }
  });

  it('asks for the bindings of a namespace only by a name that a namespace can have', async () => {
    // The name becomes a segment of a path: `..` would lead to the bindings of all namespaces.
    for (const namespace of ['..', '.', '', 'a/b', '%2e%2e', 'a?b', 'kube system', 'Web', '-a', 'a'.repeat(64)]) {
      const { status, asked } = await call(review({ namespace }), () => [nginx]);
      assert.deepEqual([namespace, status, asked], [namespace, 400, []]);
    }
    assert.deepEqual((await call(review({ namespace: 'a'.repeat(63) }), () => [])).status, 200);
  });

  it('refuses pods whose updates would be too large for a review, and updates that make them so', async () => {
    const pod = (kibibytes: number, status?: object) => ({
      metadata: { labels: { a: `${kibibytes}` } },
      spec: { containers: [{ name: 'app' }], filled: '<'.repeat(Math.floor((kibibytes * 1024) / 6)) },
      status,
    });
    const ask = async (url: string, request: object) => (await call(review(request), () => [], url)).answer.response;
    const refused = async (url: string, request: object) => {
      const { status } = await ask(url, request);
      assert.equal(status?.code, 403);
      assert.match(
        status?.message ?? '',
        /the pod is too large: it has \d+ bytes .* 917504 are allowed\. .* ConfigMap/,
      );
    };
    for (const url of ['/mutate-pods', '/validate-pods']) {
      await refused(url, { object: pod(897) });
      assert.equal((await ask(url, { object: pod(890) })).allowed, true);
    }
    const update = { operation: 'UPDATE' };
    await refused('/validate-pods', { ...update, object: pod(897), oldObject: pod(890) });
    const debug = { ...update, subResource: 'ephemeralcontainers' };
    await refused('/validate-pods', { ...debug, object: pod(897), oldObject: pod(890) });
    const status = { filled: 'x'.repeat(890 * 1024) };
    const allowed = [
      { ...update, object: pod(890, status), oldObject: pod(889, status) },
      { ...update, object: pod(1000), oldObject: pod(1001) },
    ];
    for (const request of allowed) assert.equal((await ask('/validate-pods', request)).allowed, true);
  });

  it('answers and logs little to what is large', async () => {
    const huge = 'x'.repeat(1_000_000);
    const many = Array.from({ length: 1000 }, (_, i) => ({ name: `c${i}`, securityContext: { privileged: true } }));
    const unconfined = { seccompProfile: { type: 'Localhost', localhostProfile: huge } };
    const requests: object[] = [
      { object: { metadata: {}, spec: huge } },
      { object: { metadata: { labels: { [huge]: 1 } }, spec: { containers: [] } } },
      { object: { metadata: {}, spec: { containers: [{ name: huge, securityContext: { privileged: true } }] } } },
      { object: { metadata: {}, spec: { containers: many } } },
      { object: { metadata: {}, spec: { securityContext: unconfined, containers: [] } } },
      { object: { metadata: { name: huge }, spec: { containers: [] } } },
      { object: { metadata: {}, spec: { containers: [...many, { name: 'one-more' }] } } },
      { operation: huge },
      { resource: { group: '', version: 'v1', resource: huge } },
    ];
    for (const request of requests) {
      const { body, logged } = await call(review(request), () => [nginx]);
      assert.ok(body.length < 5000, `${body.length} bytes: ${body.slice(0, 500)}`);
      assert.ok(logged.join().length < 20_000, logged.join().slice(0, 500));
    }
  });

  it('names few of hundreds of bindings that agree', async () => {
    const many = Array.from({ length: 500 }, (_, i) => ({ ...nginx, name: `${i}-${'x'.repeat(249)}` }));
    const privileged = { containers: [{ name: 'app', securityContext: { privileged: true } }] };
    for (const request of [{}, { object: { metadata: {}, spec: privileged } }]) {
      const { body, logged } = await call(review(request), () => many.map((b) => ({ ...b, podSelector: {} })));
      assert.match(body, /x,…"|x\\", … specif(ies|y)/);
      assert.ok(body.length < 20_000, `${body.length} bytes`);
      assert.ok(logged.join().length < 20_000, `${logged.join().length} bytes`);
    }
  });
});
