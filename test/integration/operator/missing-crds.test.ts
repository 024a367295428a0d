import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Registry } from 'prom-client';
import type { FairleadError } from '#lib/errors';
import type { KubeClient } from '#lib/kube/client';
import { KubeMetrics } from '#lib/kube/metrics';
import { ObjectClient } from '#lib/kube/object-client';
import { clusterProfileArtifactResource } from '#operator/api/clusterprofileartifact/resource';
import { resources } from '#operator/api/resources';
import { trustPolicyResource } from '#operator/api/trustpolicy/resource';
import { runArtifactControllers } from '#operator/artifacts/run-artifact-controllers';
import { runControllers } from '#operator/controllers/run-controllers';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { openApiServer } from '#operator/kube/api-server';
import { NodeDecisions } from '#operator/node-decisions/node-decisions';
import { ObjectPolicy } from '#operator/trust/operator-policy';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { type Document, resourceOf, serve } from '#test/support/apis/served-apis';
import { TestLog, until } from '#test/support/kube/widgets';

const apiVersion = 'security-profiles-operator.x-k8s.io/v1';
/** Seconds until a resource is asked for again that was not served, and a busy machine besides. */
const soonMs = 15_000;

/** What the tests read of a profile. */
interface Stored {
  readonly metadata: { readonly finalizers?: readonly string[] };
  readonly status?: {
    readonly status?: string;
    readonly conditions?: readonly { readonly type: string; readonly reason: string; readonly message: string }[];
  };
}

describePeers(apiserverRequirements, 'the operator without some of its CRDs', () => {
  let apiserver: Apiserver;
  let api: KubeClient;
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const log = new TestLog();
  const stopped = new AbortController();
  let running: Promise<unknown> | undefined;

  const send = async (method: string, path: string, body?: object, type?: string) => {
    const answer = await apiserver.request(method, path, body, type);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  const serveKind = (kind: string) => serve(apiserver.request, customResourceDefinition(resourceOf(kind)) as Document);
  const create = (kind: string, name: string, spec: object, metadata: object = {}) =>
    send('POST', `/apis/${apiVersion}/${resourceOf(kind).plural}`, {
      ...{ apiVersion, kind, spec },
      metadata: { name, ...metadata },
    });
  const createSeccomp = (name: string, spec: object = {}) =>
    create('SeccompProfile', name, { defaultAction: 'SCMP_ACT_ERRNO', ...spec });
  const pathOf = (kind: string, name: string) => `/apis/${apiVersion}/${resourceOf(kind).plural}/${name}`;
  const read = async (kind: string, name: string): Promise<Stored | undefined> => {
    const { status, body } = await apiserver.request('GET', pathOf(kind, name));
    return status === 200 ? (body as Stored) : undefined;
  };
  const reach = async (kind: string, name: string, wanted: RegExp): Promise<void> => {
    let seen = '';
    await until(async () => {
      const { status } = (await read(kind, name)) ?? {};
      const condition = status?.conditions?.find(({ type }) => type === 'Ready');
      seen = `${status?.status} ${condition?.reason}: ${condition?.message}`;
      return wanted.test(seen);
    }, soonMs).catch(() => assert.fail(`${kind} ${name} stays ${seen}`));
  };
  /** Returns the resources of the group that the metric reports. */
  const failing = async (): Promise<readonly string[]> => {
    const found = (await registry.metrics()).matchAll(/fairlead_kube_informer_failing\{resource="(\w+)"\} 1/g);
    const failed = [...found].map(([, resource]) => resource);
    return resources
      .map(({ plural }) => plural)
      .filter((plural) => failed.includes(plural))
      .toSorted();
  };

  before(async () => {
    apiserver = await startApiserver();
    api = await openApiServer(apiserver.kubeconfig, metrics);
    const options = { namespace: 'default', log, metrics, report: () => undefined };
    const pull = () => Promise.reject(new Error('nothing is pulled'));
    running = Promise.all([
      runControllers({ ...options, api, pull, profileMetrics: { countError: () => undefined } }, stopped.signal),
      runArtifactControllers(
        {
          ...{ ...options, client: new ObjectClient(api), fieldManager: 'test', policy: new ObjectPolicy() },
          ...{ connect: pull, decisions: new NodeDecisions() },
        },
        stopped.signal,
      ),
    ]);
  });
  after(async () => {
    stopped.abort();
    await running;
    api?.close();
    await apiserver?.stop();
  });

  it('reports what is missing with the next step', async () => {
    const missing = resources.map(({ plural }) => plural).toSorted();
    await until(async () => (await failing()).join() === missing.join());
    const warnings = log.lines.filter(({ level, fields }) => level === 'warn' && 'resource' in fields);
    assert.ok(warnings.length >= resources.length);
    for (const { fields, message } of warnings) {
      assert.equal(message, 'objects cannot be followed');
      const { err } = fields as { readonly err: FairleadError };
      assert.match(err.hint ?? '', /^Apply the CustomResourceDefinitions: fairlead operator manifests --crds/);
    }
  });

  it('goes on with the kinds that are served, and states in their objects what is missing', async () => {
    await serveKind('SeccompProfile');
    await serveKind('AppArmorProfile');
    await createSeccomp('web');
    await create('AppArmorProfile', 'web', { abstract: {} });
    const next = 'Apply the CustomResourceDefinitions: fairlead operator manifests --crds\\.$';
    const settings = 'it is not known what the administrator allows: cannot list securityprofilesoperatordaemons: ';
    await reach('SeccompProfile', 'web', new RegExp(`^Pending SettingsUnknown: ${settings}.*${next}`));
    const reports = 'it is not known what nodes report about profiles: cannot list securityprofilenodestatuses: ';
    await reach('AppArmorProfile', 'web', new RegExp(`^Pending NodeStatusUnknown: ${reports}.*${next}`));
    assert.deepEqual(await failing(), [
      'profilebindings',
      'profilerecordings',
      'rawselinuxprofiles',
      'securityprofilenodestatuses',
      'securityprofilesoperatordaemons',
      'selinuxprofiles',
    ]);
  });

  it('keeps a profile for pods, and for nodes that may have it', async () => {
    await send('POST', '/api/v1/namespaces/default/pods', {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' } },
      spec: {
        securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/web.json' } },
        containers: [{ name: 'app', image: 'registry.example.com/app:1' }],
      },
    });
    const finalizers = async (kind: string) => (await read(kind, 'web'))?.metadata.finalizers ?? [];
    await until(async () => (await finalizers('SeccompProfile')).includes('in-use-by-active-pods'), soonMs);
    await send('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    const patch = { metadata: { finalizers: ['n1-deleted'] } };
    await send('PATCH', pathOf('AppArmorProfile', 'web'), patch, 'application/merge-patch+json');
    await send('DELETE', pathOf('AppArmorProfile', 'web'));
    await reach('AppArmorProfile', 'web', /^Terminating Deleting/);
    assert.deepEqual(await finalizers('AppArmorProfile'), ['n1-deleted']);
  });

  it('decides by the settings as soon as they are served, and then by the reports of nodes', async () => {
    await serveKind('SecurityProfilesOperatorDaemon');
    await reach('SeccompProfile', 'web', /^Pending NodeStatusUnknown/);
    const daemons = `/apis/${apiVersion}/namespaces/default/securityprofilesoperatordaemons`;
    // The operator has created it.
    await until(async () => (await apiserver.request('GET', `${daemons}/spod`)).status === 200, soonMs);
    const spec = { security: { allowedSyscalls: ['read'] } };
    await send('PATCH', `${daemons}/spod`, { spec }, 'application/merge-patch+json');
    await createSeccomp('forbidden', { syscalls: [{ names: ['ptrace'], action: 'SCMP_ACT_ALLOW' }] });
    await reach('SeccompProfile', 'forbidden', /^Error ProfileNotAllowed/);
    await serveKind('SecurityProfileNodeStatus');
    await reach('SeccompProfile', 'web', /^Pending Pending: no node reports/);
    // No node reports that it has it.
    await until(async () => (await read('AppArmorProfile', 'web')) === undefined, soonMs);
  });

  it('states in artifacts that the trust policy is not known, as long as it is not served', async () => {
    await serve(apiserver.request, customResourceDefinition(clusterProfileArtifactResource) as Document);
    const path = '/apis/fairlead.dev/v1alpha1/clusterprofileartifacts';
    await send('POST', path, {
      ...{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'ClusterProfileArtifact', metadata: { name: 'web' } },
      spec: { reference: 'registry.example.com/security/web:1' },
    });
    let message: string | undefined;
    const reaches = (wanted: RegExp) =>
      until(async () => {
        const { status } = (await apiserver.request('GET', `${path}/web`)).body as Stored;
        message = status?.conditions?.find(({ type }) => type === 'Ready')?.message;
        return wanted.test(message ?? '');
      }, soonMs).catch(() => assert.fail(`it stays ${message}`));
    await reaches(
      /the trust policy is not known yet: cannot list trustpolicies: .* Apply the CustomResourceDefinitions/,
    );
    await serve(apiserver.request, customResourceDefinition(trustPolicyResource) as Document);
    await reaches(/TrustPolicy default does not exist|no rule/);
  });

  it('follows the other kinds once they are served', async () => {
    for (const kind of ['SelinuxProfile', 'RawSelinuxProfile', 'ProfileBinding', 'ProfileRecording']) {
      await serveKind(kind);
    }
    await create('SelinuxProfile', 'web', { allow: { '@self': { file: ['read'] } } });
    await reach('SelinuxProfile', 'web', /^Pending Pending: no node reports/);
    await until(async () => (await failing()).length === 0, soonMs);
  });
});
