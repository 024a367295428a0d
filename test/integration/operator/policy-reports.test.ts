import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '#lib/kube/client';
import { ObjectClient } from '#lib/kube/object-client';
import { apiVersionOf, objectPath } from '#lib/kube/resource';
import type { ClusterState } from '#operator/bind/cluster-state';
import { CoverageView } from '#operator/controllers/coverage-view';
import { type PodInformer, podInformer } from '#operator/controllers/pod-informer';
import { runPolicyReportController } from '#operator/controllers/policy-report-controller';
import { PolicyReportWriter } from '#operator/controllers/policy-report-writer';
import { reportResources } from '#operator/controllers/stored-policy-report';
import { openApiServer } from '#operator/kube/api-server';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { serve } from '#test/support/apis/served-apis';
import { reportDefinition } from '#test/support/kube/report-definition';
import { TestLog, until } from '#test/support/kube/widgets';
import { manifest } from '#test/support/operator-cluster';

const [policyReports = assert.fail(), openReports = assert.fail()] = reportResources;
const apiVersion = apiVersionOf(policyReports);
const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/policyreports.wgpolicyk8s.io';
const artifact = `oci/registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
const own = { 'app.kubernetes.io/managed-by': 'fairlead' };
const period = 200;
const many = Array.from({ length: 20 }, (_, index) => `many-${index}`);
/** A cluster of which nothing is known but its pods. */
const unknown: ClusterState = {
  namespaceLabels: () => new Map(),
  artifact: () => undefined,
  imageArtifacts: () => [],
  seccompProfile: () => undefined,
};

/** What the tests read of a report. */
interface Report {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string; readonly labels?: object };
  readonly scopeSelector?: object;
  readonly summary: object;
  readonly results: readonly {
    readonly result: string;
    readonly resources: readonly { readonly name: string }[];
    readonly timestamp: { readonly seconds: number; readonly nanos: number };
  }[];
}

describePeers(apiserverRequirements, 'the reports of what pods run under', () => {
  let apiserver: Apiserver;
  let api: KubeClient;
  let client: ObjectClient;
  let pods: PodInformer;
  let view: CoverageView;
  const log = new TestLog();
  const stopped = new AbortController();
  let running: Promise<void> | undefined;
  /** How often the coverage was asked for. */
  let asked = 0;
  /** How often the operator has read or listed something. */
  let reads = 0;
  /** How often the operator was answered that something is not served. */
  let unserved = 0;
  /** When the operator has created something. */
  const creations: number[] = [];

  const coverage = () => {
    asked++;
    return view.coverage();
  };
  const send = async (method: string, path: string, body?: object, type?: string) => {
    const answer = await apiserver.request(method, path, body, type);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const pathOf = (namespace: string, name = '/fairlead') =>
    `/apis/${apiVersion}/namespaces/${namespace}/policyreports${name}`;
  const read = async (namespace: string, name?: string): Promise<Report | undefined> => {
    const { status, body } = await apiserver.request('GET', pathOf(namespace, name));
    return status === 200 ? (body as Report) : undefined;
  };
  const reach = async (namespace: string, holds: (report: Report) => boolean): Promise<Report> => {
    let report: Report | undefined;
    await until(async () => {
      report = await read(namespace);
      return report !== undefined && holds(report);
    });
    return report ?? assert.fail();
  };
  const merge = (path: string, patch: object) => send('PATCH', path, patch, 'application/merge-patch+json');
  const createNamespace = (name: string) =>
    send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const runPod = async (namespace: string, name: string, metadata: object = {}, securityContext: object = {}) => {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const spec = { containers: [{ name: 'app', image: 'registry.example.com/app:1', securityContext }] };
    await send('POST', pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec });
    await merge(`${pods}/${name}/status`, { status: { phase: 'Running' } });
  };
  const endPod = (namespace: string, name: string) =>
    send('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`);
  /** Resolves when the reports of all namespaces were compared again. */
  const comparedAgain = async (namespaces: number, times = 3) => {
    const before = asked;
    await until(() => asked > before + times * (namespaces + 1));
  };
  /** Lets reports be written, as another leader does. */
  const write = async (period: number, meanwhile: () => Promise<void>, resource = policyReports) => {
    const writer = new PolicyReportWriter({ client, resource, coverage, period, log });
    await meanwhile().finally(() => writer.stop());
  };
  const messages = (level: string) => log.lines.filter((line) => line.level === level).map(({ message }) => message);
  const createReport = (namespace: string, name: string, labels: object) =>
    send('POST', pathOf(namespace, ''), {
      ...{ apiVersion, kind: 'PolicyReport', metadata: { name, labels } },
      ...{ summary: { pass: 1 }, results: [{ policy: 'other', result: 'pass' }] },
    });

  before(async () => {
    apiserver = await startApiserver();
    for (const plural of ['artifactbindings', 'clusterartifactbindings', 'profilebindings']) {
      for (const document of manifest(`crds/${plural}.yaml`)) await serve(apiserver.request, document);
    }
    api = await openApiServer(apiserver.kubeconfig, {
      countRequest: (verb, status) => {
        if (verb === 'POST') creations.push(performance.now());
        if (verb === 'GET') reads++;
        if (status === 404) unserved++;
      },
    });
    client = new ObjectClient(api);
    pods = podInformer({ client, log });
    view = new CoverageView({ client, cluster: unknown, pods, log });
    pods.start();
    view.start();
    await createNamespace('web');
    await runPod('web', 'bare');
    const counted = { synced: () => view.synced(), coverage };
    const options = { api, client, view: counted, resource: policyReports, period, log };
    running = runPolicyReportController(options, stopped.signal);
  });
  after(async () => {
    stopped.abort();
    await running;
    await Promise.all([view?.stop(), pods?.stop()]);
    api?.close();
    await apiserver?.stop();
  });

  it('are not written while their API is not served, which is logged once', async () => {
    const isUnserved = (message: string) => /^no reports are written/.test(message);
    await until(() => messages('info').some(isUnserved));
    const before = unserved;
    await until(() => unserved > before + 3);
    assert.equal(messages('info').filter(isUnserved).length, 1);
    assert.deepEqual(messages('warn'), []);
  });

  it('have all fields that the API knows when it is served', async () => {
    const metadata = {
      labels: { 'pod-template-hash': 'abc' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'cart-abc', uid: 'u', controller: true }],
    };
    const seccompProfile = { type: 'Localhost', localhostProfile: artifact };
    for (const name of ['cart-abc-1', 'cart-abc-2']) await runPod('web', name, metadata, { seccompProfile });
    await until(async () => (await view.coverage()).pods.filter(({ isRunning }) => isRunning).length === 3);
    await serve(apiserver.request, reportDefinition(policyReports));
    const same = { source: 'fairlead', policy: 'verified-profile', rule: 'seccomp', category: 'Security Profiles' };
    const { metadata: found, results, ...report } = await reach('web', () => true);
    const summary = { fail: 1, warn: 0, error: 0, pass: 1, skip: 0 };
    assert.deepEqual(report, { apiVersion, kind: 'PolicyReport', summary });
    assert.deepEqual(found.labels, own);
    assert.ok(results.every(({ timestamp }) => timestamp.seconds > 1_700_000_000 && timestamp.nanos === 0));
    assert.deepEqual(
      results.map(({ timestamp: _, ...result }) => result),
      [
        {
          ...same,
          ...{ severity: 'medium', result: 'fail', scored: true },
          message: 'without a verified profile: container "app" (Unset)',
          resources: [{ apiVersion: 'v1', kind: 'Pod', namespace: 'web', name: 'bare' }],
          properties: { resultID: 'fairlead/web/v1/Pod/bare/fail', pods: '1', outdated: '0' },
        },
        {
          ...same,
          ...{ result: 'pass', scored: true },
          message: 'each container runs under a profile that is verified, or that is an object of the cluster',
          resources: [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'cart' }],
          properties: { resultID: 'fairlead/web/apps/v1/Deployment/cart/pass', pods: '2', outdated: '0' },
        },
      ],
    );
  });

  it('change with the pods, and not otherwise', async () => {
    const { metadata, results } = await reach('web', () => true);
    await comparedAgain(1);
    assert.equal((await read('web'))?.metadata.resourceVersion, metadata.resourceVersion);
    // As if it was found long ago.
    const [bare, ...others] = results;
    const old = { seconds: 1_700_000_000, nanos: 5 };
    await merge(pathOf('web'), { results: [{ ...bare, timestamp: old }, ...others] });
    await endPod('web', 'cart-abc-2');
    await endPod('web', 'cart-abc-1');
    await runPod('web', 'other', {}, { seccompProfile: { type: 'Unconfined' } });
    const changed = await reach('web', ({ results: now }) =>
      now.some(({ resources }) => resources[0]?.name === 'other'),
    );
    assert.deepEqual(
      changed.results.map(({ result, resources }) => [result, ...resources.map(({ name }) => name)]),
      [
        ['fail', 'bare'],
        ['fail', 'other'],
      ],
    );
    assert.deepEqual(changed.results[0]?.timestamp, old);
    assert.notDeepEqual(changed.results[1]?.timestamp, old);
  });

  it('are written again if a user changes or deletes one', async () => {
    const { metadata, summary, results } = await reach('web', () => true);
    const scopeSelector = { matchLabels: { app: 'nginx' } };
    await merge(pathOf('web'), {
      metadata: { labels: { team: 'web' } },
      scopeSelector,
      summary: { fail: 7 },
      results: [],
    });
    const restored = await reach('web', (report) => report.results.length > 0);
    assert.deepEqual(restored.summary, summary);
    assert.equal(restored.scopeSelector, undefined);
    assert.deepEqual(restored.metadata.labels, { ...own, team: 'web' });
    const withoutTimes = (each: Report['results']) => each.map(({ timestamp: _, ...result }) => result);
    assert.deepEqual(withoutTimes(restored.results), withoutTimes(results));
    await send('DELETE', pathOf('web'));
    const again = await reach('web', ({ metadata: { uid } }) => uid !== metadata.uid);
    assert.deepEqual(withoutTimes(again.results), withoutTimes(results));
  });

  it('are deleted with the last pod, and others are never touched', async () => {
    for (const name of ['others', 'empty']) await createNamespace(name);
    await createReport('empty', 'fairlead', { 'app.kubernetes.io/managed-by': 'kyverno' });
    await createReport('others', 'fairlead', {});
    await createReport('others', 'cpol-restricted', { 'app.kubernetes.io/managed-by': 'kyverno' });
    await createReport('others', 'labelled', own);
    const reports = () =>
      Promise.all([
        read('empty'),
        ...['/fairlead', '/cpol-restricted', '/labelled'].map((name) => read('others', name)),
      ]);
    const before = await reports();
    await runPod('others', 'bare');
    await endPod('web', 'bare');
    await reach('web', ({ results }) => results.length === 1);
    await endPod('web', 'other');
    await until(async () => (await read('web')) === undefined);
    await comparedAgain(3);
    assert.deepEqual(await reports(), before);
    const left = log.lines.filter(({ message }) => /left alone/.test(message)).map(({ fields }) => fields);
    assert.deepEqual(left.map((fields) => ('namespace' in fields ? fields.namespace : '')).toSorted(), [
      'empty',
      'others',
    ]);
    // It is the operator's if it gets the label.
    await merge(pathOf('others'), { metadata: { labels: own } });
    await reach('others', ({ results }) => results[0]?.resources?.[0]?.name === 'bare');
  });

  it('are written a few at a time', async () => {
    creations.length = 0;
    for (const name of many) await createNamespace(name);
    await Promise.all(many.map((name) => runPod(name, 'bare')));
    await Promise.all(many.map((name) => reach(name, () => true)));
    // The operator gets the response to a creation after the object can be read.
    await until(() => creations.length >= many.length);
    assert.equal(creations.length, many.length);
    // At most ten at once, and then one in 200 ms.
    const [first = 0] = creations;
    assert.ok((creations.at(-1) ?? 0) - first >= 9 * 200, String(creations.map((at) => at - first)));
  });

  it('are not made in a namespace that is being deleted', async () => {
    await send('DELETE', '/api/v1/namespaces/many-0');
    creations.length = 0;
    await send('DELETE', pathOf('many-0'));
    await until(() => creations.length >= 2);
    assert.equal(await read('many-0'), undefined);
    assert.deepEqual(messages('warn'), []);
  });

  it('are written again when their API comes back', async () => {
    const count = (text: RegExp) => messages('info').filter((message) => text.test(message)).length;
    await send('DELETE', definition);
    await until(() => count(/^no reports are written/) === 2);
    await serve(apiserver.request, reportDefinition(policyReports));
    await Promise.all(['others', ...many.slice(1)].map((name) => reach(name, () => true)));
    assert.equal(count(/^the coverage is reported/), 2);
    assert.deepEqual(messages('warn'), []);
    stopped.abort();
    await running;
  });

  it('are not even read by a new leader if they are current, and written as soon as one is deleted', async () => {
    reads = 0;
    await write(60_000, async () => {
      await comparedAgain(22, 1);
      // The list.
      assert.equal(reads, 1);
      await send('DELETE', pathOf('others'));
      await reach('others', () => true);
    });
  });

  it('are written again only after a while, whichever client changes them', async () => {
    await send('DELETE', pathOf('others'));
    creations.length = 0;
    const period = 2000;
    await write(period, async () => {
      const { summary } = await reach('others', () => true);
      await merge(pathOf('others'), { summary: { fail: 7 } });
      await reach('others', (report) => isDeepStrictEqual(report.summary, summary));
      assert.ok(performance.now() - (creations[0] ?? 0) >= period);
    });
  });

  it('are the same as Reports of OpenReports', async () => {
    await serve(apiserver.request, reportDefinition(openReports));
    const path = objectPath(openReports, { namespace: 'others', name: 'fairlead' });
    const written = async () => (await apiserver.request('GET', path)).body as Report & { readonly kind: string };
    await write(period, async () => await until(async () => (await written()).summary !== undefined), openReports);
    const contentOf = ({ summary, results }: Report) => ({
      summary,
      results: results.map(({ timestamp: _, ...result }) => result),
    });
    const { kind, ...report } = await written();
    assert.equal(kind, 'Report');
    assert.deepEqual(contentOf(report), contentOf((await read('others')) ?? assert.fail()));
  });

  it('are nothing to warn of if their API goes before that is noticed', async () => {
    await write(60_000, async () => {
      await comparedAgain(22, 1);
      await send('DELETE', definition);
      for (const message of ['objects cannot be followed', 'a report is not written yet']) {
        await until(() => messages('debug').includes(message));
      }
    });
    assert.deepEqual(messages('warn'), []);
  });

  it('are written once if their API lacks fields', async () => {
    await serve(apiserver.request, reportDefinition(policyReports, 'properties', 'category'));
    await write(period, async () => {
      const { metadata } = await reach('others', () => true);
      await comparedAgain(23);
      assert.equal((await read('others'))?.metadata.resourceVersion, metadata.resourceVersion);
    });
  });
});
