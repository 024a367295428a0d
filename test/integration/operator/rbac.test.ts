import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import * as v from 'valibot';
import { apiVersionOf, collectionPath, objectPath } from '#lib/kube/resource';
import { resources } from '#operator/api/resources';
import { reportName, reportResources } from '#operator/controllers/stored-policy-report';
import { markerName } from '#operator/kube/binding-marker';
import { bindingKinds } from '#operator/kube/list-bindings';
import { permissions } from '#operator/rbac/permissions';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { serve } from '#test/support/apis/served-apis';
import { reportDefinition } from '#test/support/kube/report-definition';
import { ArtifactObjects } from '#test/support/operator/artifact-objects';
import { manifest, OperatorCluster, until } from '#test/support/operator-cluster';

const user = 'system:serviceaccount:fairlead-system:fairlead-operator';
const secretPath = '/api/v1/namespaces/fairlead-system/secrets/fairlead-operator-certificates';
const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const eventSchema = v.object({
  verb: v.string(),
  requestURI: v.string(),
  user: v.object({ username: v.string() }),
  impersonatedUser: v.optional(v.object({ username: v.string() })),
  objectRef: v.optional(
    v.object({
      resource: v.string(),
      apiGroup: v.optional(v.string(), ''),
      namespace: v.optional(v.string()),
      name: v.optional(v.string()),
      subresource: v.optional(v.string()),
    }),
  ),
  annotations: v.optional(v.record(v.string(), v.string()), {}),
});
const conversionSchema = v.object({
  spec: v.object({
    conversion: v.object({
      webhook: v.optional(v.object({ clientConfig: v.object({ caBundle: v.optional(v.string(), '') }) })),
    }),
  }),
});
const isTrusted = ({ spec }: v.InferOutput<typeof conversionSchema>) =>
  (spec.conversion.webhook?.clientConfig.caBundle ?? '') !== '';
/** The status of a marker. */
const writtenSchema = v.object({ status: v.object({ conditions: v.array(v.object({ type: v.literal('Marker') })) }) });
type AuditEvent = v.InferOutput<typeof eventSchema>;

describePeers(apiserverRequirements, 'the permissions of the operator, and the audit log of a kube-apiserver', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-audit-'));
  const log = path.join(folder, 'audit.log');
  let cluster: OperatorCluster;
  before(async () => {
    const policy = path.join(folder, 'policy.yaml');
    const rules = [{ level: 'Metadata' }];
    writeFileSync(
      policy,
      JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules }),
    );
    const flags = { 'audit-policy-file': policy, 'audit-log-path': log, 'audit-log-mode': 'blocking' };
    cluster = await OperatorCluster.start({ ownCertificates: true, flags });
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true });
  });

  /** What the operator has asked for so far. */
  const asked = (): AuditEvent[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => v.parse(eventSchema, JSON.parse(line)))
      .filter((event) => (event.impersonatedUser ?? event.user).username === user);
  /** Requests for `/version`, which any user may send, have no resource. */
  const isAllowed = ({ verb, objectRef }: AuditEvent): boolean =>
    objectRef === undefined || permissions.some((permission) => covers(permission, verb, objectRef));
  const covers = (
    { group, resource, verbs, names, namespaces }: (typeof permissions)[number],
    verb: string,
    object: NonNullable<AuditEvent['objectRef']>,
  ): boolean =>
    group === object.apiGroup &&
    resource === (object.subresource === undefined ? object.resource : `${object.resource}/${object.subresource}`) &&
    verbs.includes(verb) &&
    (names === undefined || names.includes(object.name ?? '')) &&
    (namespaces === 'all' || object.namespace === 'fairlead-system');

  const send = async (method: string, at: string, body?: object, type?: string): Promise<void> => {
    const { status, body: answer } = await cluster.api.request(method, at, body, type);
    assert.ok(status < 300, `${method} ${at}: ${JSON.stringify(answer)}`);
  };
  /** Makes the controllers do everything that they can do. */
  const useControllers = async (): Promise<void> => {
    const apiVersion = 'security-profiles-operator.x-k8s.io/v1';
    const create = (plural: string, kind: string, name: string, spec: object, place = '') =>
      send('POST', `/apis/${apiVersion}/${place}${plural}`, {
        apiVersion,
        kind,
        metadata: { name, finalizers: ['gone-deleted', 'active-workload-lock'] },
        spec,
      });
    const isHeld = async (at: string, finalizer: string): Promise<boolean> =>
      ((await cluster.request('GET', at)).body.metadata.finalizers ?? []).includes(finalizer);
    const specs: Readonly<Record<string, object>> = {
      SeccompProfile: { defaultAction: 'SCMP_ACT_ERRNO', baseProfileName: 'none' },
      SelinuxProfile: { allow: {} },
      RawSelinuxProfile: { policy: '(blockinherit container)(allow process process (process (fork)))' },
      AppArmorProfile: { abstract: {} },
      ProfileBinding: { profileRef: { kind: 'SeccompProfile', name: 'a' }, image: '*' },
      ProfileRecording: { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: {} },
      SecurityProfilesOperatorDaemon: {},
    };
    for (const { kind, plural, scope } of resources) {
      const spec = specs[kind];
      if (spec === undefined) continue;
      const place = scope === 'Cluster' ? '' : 'namespaces/web/';
      await create(plural, kind, 'all', spec, place);
      const object = `/apis/${apiVersion}/${place}${plural}/all`;
      if (scope !== 'Cluster') await send('DELETE', object);
      const finalizer = scope === 'Cluster' ? 'gone-deleted' : 'active-workload-lock';
      await until(`the finalizer of ${kind} is removed`, async () => !(await isHeld(object, finalizer)));
      if (scope !== 'Cluster') await create(plural, kind, 'kept', spec, place);
    }
    await create('securityprofilenodestatuses', 'SecurityProfileNodeStatus', 'all-gone', { nodeName: 'gone' });
    const merge = (at: string, patch: object) => send('PATCH', at, patch, 'application/merge-patch+json');
    const report = `/apis/${apiVersion}/securityprofilenodestatuses/all-gone`;
    await merge(report, {
      metadata: { finalizers: null, labels: { 'spo.x-k8s.io/profile-id': 'SeccompProfile-all' } },
    });
    await until(
      'the report of a node that is gone is deleted',
      async () => (await cluster.request('GET', report)).status === 404,
    );
    // The same event twice is one that is counted.
    const profile = `/apis/${apiVersion}/seccompprofiles/all`;
    const state = async (wanted: string) =>
      until(`the profile is ${wanted}`, async () => {
        const { body } = await cluster.api.request('GET', profile);
        return v.parse(v.object({ status: v.object({ status: v.string() }) }), body).status.status === wanted;
      });
    for (const [baseProfileName, wanted] of [
      ['none', 'Error'],
      [null, 'Pending'],
      ['none', 'Error'],
      [null, 'Pending'],
    ] as const) {
      await merge(profile, { spec: { baseProfileName } });
      await state(wanted);
    }
  };

  /** Makes the operator verify artifacts, and read a pull secret. */
  const useArtifacts = async (): Promise<void> => {
    const objects = new ArtifactObjects(cluster);
    const reference = 'registry.example.com/security/nginx:1';
    await objects.create('TrustPolicy', 'default', {});
    await objects.create('ProfileArtifact', 'nginx', { reference });
    await objects.create('ClusterProfileArtifact', 'nginx', { reference, pullSecret: { name: 'none' } });
    await objects.reachCondition('default', 'Ready True InForce', 'TrustPolicy');
    await objects.reachCondition('nginx', 'Ready False NotAllowed');
    await objects.reachCondition('nginx', 'Ready False PullSecretNotFound', 'ClusterProfileArtifact');
    const labels = { app: 'image' };
    const image = `registry.example.com/app@sha256:${'0'.repeat(64)}`;
    await send('POST', '/apis/apps/v1/namespaces/web/replicasets', {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'image' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'app', image }] } },
      },
    });
    const byImage = { profileFrom: 'ImageReferrers', podSelector: { matchLabels: labels } };
    await objects.create('ArtifactBinding', 'image', byImage);
    await objects.create('ClusterArtifactBinding', 'image', { ...byImage, namespaceSelector: {} });
    const made = async (): Promise<number[]> => {
      const counts = ['profileartifacts', 'clusterprofileartifacts'].map(async (plural) => {
        const selector = '?labelSelector=fairlead.dev/made-for-binding';
        const { body } = await cluster.api.request('GET', `/apis/fairlead.dev/v1alpha1/${plural}${selector}`);
        return v.parse(v.object({ items: v.array(v.unknown()) }), body).items.length;
      });
      return await Promise.all(counts);
    };
    await until('objects for the image are made', async () => (await made()).join() === '1,1');
    for (const kind of ['ArtifactBinding', 'ClusterArtifactBinding']) await objects.delete(kind, 'image');
    await until('objects for the image are deleted', async () => (await made()).join() === '0,0');
  };

  /** Asks the operator about a pod in a namespace that it does not know, as of one just created. */
  const useNamespace = async (): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    const url = `https://${cluster.address}/mutate-pods`;
    const sent = request(url, { method: 'POST', headers, rejectUnauthorized: false });
    const resource = { group: '', version: 'v1', resource: 'pods' };
    const pod = { metadata: {}, spec: { containers: [{ name: 'app' }] } };
    sent.end(
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: {
          ...{ uid: 'u-1', kind: { group: '', version: 'v1', kind: 'Pod' }, resource, operation: 'CREATE' },
          ...{ namespace: 'unknown', object: pod },
        },
      }),
    );
    const [response] = await once(sent, 'response');
    assert.equal(response.statusCode, 200, await text(response));
  };

  /** Creates enough pods at the same time that the operator uses its markers instead of lists. */
  const useMarkers = async (): Promise<void> => {
    const markers = bindingKinds.map(({ resource }) =>
      objectPath(resource, { namespace: 'fairlead-system', name: markerName }),
    );
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      spec: { containers: [{ name: 'app', image: 'registry.example.com/app' }] },
    };
    await until('the markers are written to', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
      const path = '/api/v1/namespaces/web/pods?dryRun=All';
      // Whether they are admitted does not matter.
      await Promise.all(names.map((name) => cluster.api.request('POST', path, { ...pod, metadata: { name } })));
      const found = await Promise.all(markers.map((marker) => cluster.api.request('GET', marker)));
      return found.every(({ body }) => v.is(writtenSchema, body));
    });
  };

  const reportsIn = (namespace: string) =>
    reportResources.map((resource) => objectPath(resource, { namespace, name: reportName }));
  const reported = v.object({ summary: v.object({ fail: v.literal(1) }) });
  const isReported = async (): Promise<boolean> => {
    const answers = await Promise.all(reportsIn('default').map((path) => cluster.api.request('GET', path)));
    return answers.every(({ body }) => v.is(reported, body));
  };
  const merging = 'application/merge-patch+json';
  /** Serves reports, with a pod to report of. */
  const serveReports = async (): Promise<void> => {
    for (const resource of reportResources) await serve(cluster.api.request, reportDefinition(resource));
    const { status, body } = await cluster.createPod('reported', { namespace: 'default' });
    assert.equal(status, 201, body.message);
    const running = { status: { phase: 'Running' } };
    await send('PATCH', '/api/v1/namespaces/default/pods/reported/status', running, merging);
  };
  /** Leaves a report that is to be changed, and one that is to be deleted. */
  const changeReports = async (): Promise<void> => {
    for (const path of reportsIn('default')) await send('PATCH', path, { summary: null }, merging);
    const metadata = { name: reportName, labels: { 'app.kubernetes.io/managed-by': 'fairlead' } };
    for (const resource of reportResources) {
      const report = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
      await send('POST', collectionPath(resource, 'web'), report);
    }
  };

  it('has every call that is made, and no other', async () => {
    for (const { plural, group } of resources) {
      // Some are there already.
      if ((await cluster.request('GET', `${crds}/${plural}.${group}`)).status === 200) continue;
      for (const document of manifest(`crds/${plural}.yaml`)) await cluster.apply(document);
    }
    await until('API servers trust the conversion of all APIs', async () => {
      const answer = await cluster.api.request('GET', crds);
      const { items } = v.parse(v.object({ items: v.array(conversionSchema) }), answer.body);
      return items.filter(isTrusted).length === resources.length;
    });
    await useControllers();
    await useArtifacts();
    await useMarkers();
    await useNamespace();
    await serveReports();
    assert.equal((await cluster.request('DELETE', secretPath)).status, 200);
    await cluster.stopOperator();
    await cluster.startOperator('127.0.0.1:0');
    const patched = await cluster.api.request('PATCH', secretPath, { data: null }, 'application/merge-patch+json');
    assert.equal(patched.status, 200);
    await until('the pod is reported', isReported);
    await cluster.stopOperator();
    await changeReports();
    await cluster.startOperator('127.0.0.1:0');
    await until('the pod is reported again', isReported);
    for (const deleted of reportsIn('web')) {
      await until('the other report is deleted', async () => (await cluster.request('GET', deleted)).status === 404);
    }

    const events = asked();
    const described = ({ verb, objectRef, requestURI }: AuditEvent) =>
      objectRef === undefined
        ? `${verb} ${requestURI}`
        : `${verb} ${objectRef.apiGroup}/${objectRef.resource} ${objectRef.name}`;
    assert.deepEqual([...new Set(events.filter((event) => !isAllowed(event)).map(described))], []);
    const needless = permissions.flatMap((permission) =>
      permission.verbs
        .filter(
          (verb) =>
            !events.some(
              ({ verb: asked, objectRef }) => asked === verb && objectRef && covers(permission, verb, objectRef),
            ),
        )
        .map((verb) => `${verb} ${permission.resource}`),
    );
    assert.deepEqual(needless, []);
  });

  it('are all that the API server refuses nothing of', () => {
    const refused = asked().filter(({ annotations }) => annotations['authorization.k8s.io/decision'] === 'forbid');
    assert.deepEqual(
      refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
      [],
    );
  });
});
