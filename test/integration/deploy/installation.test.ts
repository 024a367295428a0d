import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Apiserver, apiserverMinor, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { type Finished, failed, run, succeeded } from '#test/support/cli/run';
import { chartDirectory, exampleImage, helm, type Installed, readManifests } from '#test/support/helm/chart';
import { collectionOf, until } from '#test/support/operator-cluster';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const deploy = path.join(root, 'deploy');
const readme = readFileSync(path.join(deploy, 'README.md'), 'utf8');
/** The chart as it was when it was added, packed by tar: CI may have no history of git. */
const firstChart = path.join(root, 'test/fixtures/helm/first-chart.tgz');
const namespace = 'fairlead-system';
const admission = '/apis/admissionregistration.k8s.io/v1';
const webhook = `${admission}/mutatingwebhookconfigurations/fairlead-operator`;
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** What an object is like in the server, without what the server or a client adds to it. */
function asInstalled({ metadata, status: _, ...object }: Installed): object {
  const { name, labels = {}, annotations = {} } = metadata;
  const isOwn = ([key, value]: [string, string]) =>
    !/^(kubectl\.kubernetes\.io|meta\.helm\.sh|helm\.sh)\//.test(key) &&
    !(key === 'app.kubernetes.io/managed-by' && value === 'Helm');
  const spec = { ...(object['spec'] as object | undefined) } as Record<string, unknown>;
  if (object.kind === 'Service') for (const address of ['clusterIP', 'clusterIPs']) delete spec[address];
  const own = (entries: object) => Object.fromEntries(Object.entries(entries).filter(isOwn));
  return {
    ...object,
    ...(object['spec'] !== undefined && { spec }),
    metadata: { name, labels: own(labels), annotations: own(annotations) },
  };
}

describePeers([...apiserverRequirements, 'helm', 'kubectl'], 'an installation in a cluster', () => {
  const minor = apiserverMinor();
  /** As deploy/README.md describes it for old API servers. */
  const applying = minor < 28 ? ['--validate=false'] : ['--server-side'];
  const installing = minor < 23 ? ['--server-side=false', '--disable-openapi-validation'] : [];
  const manifests = [...readManifests(readFileSync(path.join(deploy, 'install.yaml'), 'utf8')).values()]
    .filter(({ kind }) => minor > 20 || kind !== 'PodDisruptionBudget')
    .map((manifest) => ({ ...manifest, at: `${collectionOf(manifest)}/${manifest.metadata.name}` }));
  let api: Apiserver;
  let home: string;
  let audit: string;

  const kubectl = (args: readonly string[], input = ''): Promise<Finished> =>
    run(peer('kubectl'), ['--kubeconfig', api.kubeconfig, ...args], { input, env: { HOME: home } });
  const install = async (chart: string, values: object, ...args: readonly string[]): Promise<Finished> => {
    if (minor < 23 && (await statusOf(`/api/v1/namespaces/${namespace}`)) === 404)
      succeeded(await kubectl(['create', 'namespace', namespace]));
    const creating = minor < 23 ? [] : ['--create-namespace'];
    return useHelm(['install', 'fairlead', chart, '--take-ownership', ...creating, ...installing, ...args], values);
  };
  const useHelm = (args: readonly string[], values?: object): Promise<Finished> =>
    helm([...args, '--kubeconfig', api.kubeconfig, '--namespace', namespace], values, home);
  const read = async (at: string) => (await api.request('GET', at)).body as unknown as Installed;
  const statusOf = async (at: string): Promise<number> => (await api.request('GET', at)).status;
  const createPod = async (name: string): Promise<number> => {
    const spec = { containers: [{ name: 'app', image: 'registry.example.com/app:1' }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
    return (await api.request('POST', '/api/v1/namespaces/default/pods?dryRun=All', pod)).status;
  };
  /** Returns what is in the server of what install.yaml has, by kind and name. */
  const installed = async (): Promise<Readonly<Record<string, object>>> => {
    const objects = await Promise.all(manifests.map(({ at }) => read(at)));
    return Object.fromEntries(objects.map((object) => [`${object.kind} ${object.metadata.name}`, asInstalled(object)]));
  };
  /**
   * Reads the objects of all APIs, as the operator does. Since Kubernetes 1.31 the deletion of an
   * API that no client has read may wait until its definition changes.
   */
  const readApis = async (): Promise<void> => {
    for (const definition of manifests.filter(({ kind }) => kind === 'CustomResourceDefinition')) {
      const { group, names, versions } = (await read(definition.at))['spec'] as {
        readonly group: string;
        readonly names: { readonly plural: string };
        readonly versions: readonly { readonly name: string; readonly storage: boolean }[];
      };
      const at = `/apis/${group}/${versions.find(({ storage }) => storage)?.name}/${names.plural}`;
      await until(`${at} is served`, async () => (await statusOf(at)) === 200);
    }
  };
  /** Deletes the APIs and the namespace, which an installation leaves. */
  const removeRest = async (): Promise<void> => {
    const kept = manifests.filter(({ kind }) => ['CustomResourceDefinition', 'Namespace'].includes(kind));
    await readApis();
    await api.request('DELETE', `/api/v1/namespaces/${namespace}/secrets`);
    await Promise.all(kept.map(({ at }) => api.request('DELETE', at)));
    // As the controller of namespaces does, which does not run here.
    const at = `/api/v1/namespaces/${namespace}`;
    const finalized = { ...(await read(at)), spec: { finalizers: [] } };
    assert.equal((await api.request('PUT', `${at}/finalize`, finalized)).status, 200);
    for (const each of kept) await until(`${each.at} is gone`, async () => (await statusOf(each.at)) === 404);
  };
  /** Applies manifests; before Kubernetes 1.21 all but the PodDisruptionBudget. */
  const apply = async (...args: readonly string[]): Promise<void> => {
    const applied = await kubectl(['apply', ...applying, ...args]);
    if (minor > 20) return void succeeded(applied);
    failed(applied, 1, /no matches for kind "PodDisruptionBudget" in version "policy\/v1"/);
    assert.equal(applied.stderr.match(/^error: /gm)?.length, 1, applied.stderr);
  };
  /** Runs commands of deploy/README.md that stand after a text, up to another one. */
  const follow = async (after: string, until = '```'): Promise<void> => {
    const block = readme.slice(readme.indexOf(after)).split('```console\n')[1] ?? '';
    const commands = block.slice(0, block.indexOf(until)).replace(/^\$ /gm, '');
    const known = minor > 20 ? commands : commands.replace('poddisruptionbudget,', '');
    const env = { HOME: home, KUBECONFIG: api.kubeconfig, PATH: `${path.dirname(peer('kubectl'))}:/usr/bin:/bin` };
    succeeded(await run('sh', ['-e', '-c', known], { env }));
  };
  const uninstallPlain = async (): Promise<void> => {
    const webhooks = 'mutatingwebhookconfiguration,validatingwebhookconfiguration';
    succeeded(await kubectl(['delete', webhooks, 'fairlead-operator']));
    await follow('Without Helm, delete the webhooks');
    for (const { at, kind } of manifests) {
      const isKept = ['CustomResourceDefinition', 'Namespace'].includes(kind);
      assert.equal(await statusOf(at), isKept ? 200 : 404, at);
    }
  };

  before(async () => {
    home = mkdtempSync(path.join(tmpdir(), 'fairlead-installation-'));
    audit = path.join(home, 'audit.log');
    const rules = [{ level: 'Metadata', verbs: ['delete', 'create', 'patch'], omitStages: ['RequestReceived'] }];
    writeFileSync(
      path.join(home, 'audit.yaml'),
      JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }),
    );
    api = await startApiserver({
      flags: { 'audit-policy-file': path.join(home, 'audit.yaml'), 'audit-log-path': audit },
    });
  });
  after(async () => {
    await api?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it('has the same objects by kubectl, by kustomize and by helm', async () => {
    await apply('--filename', path.join(deploy, 'install.yaml'));
    const plain = await installed();
    await uninstallPlain();
    await removeRest();
    await apply('--kustomize', path.join(deploy, 'operator'));
    assert.deepEqual(await installed(), plain);
    await uninstallPlain();
    await removeRest();
    succeeded(await install(chartDirectory, exampleImage));
    assert.deepEqual(await installed(), plain);
    succeeded(await useHelm(['uninstall', 'fairlead']));
  });

  it('is taken back by helm if the operator does not become ready, so that pods are created', async () => {
    const waiting = ['--wait', '--rollback-on-failure', '--timeout=3s'];
    failed(
      await install(chartDirectory, exampleImage, ...waiting),
      1,
      /uninstalled due to rollback-on-failure being set/,
    );
    assert.equal(await statusOf(webhook), 404);
    assert.equal(await createPod('after-rollback'), 201);
    await removeRest();
  });

  it('is upgraded from the first chart with its values, its objects and the authority of the operator', async () => {
    const values = { ...exampleImage, replicas: 3, webhooks: false };
    succeeded(await install(firstChart, values));
    const bindings = '/apis/fairlead.dev/v1alpha1/namespaces/default/artifactbindings';
    await until('the API is served', async () => (await statusOf(bindings)) === 200);
    const bound = await api.request('POST', bindings, {
      ...{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'ArtifactBinding', metadata: { name: 'kept' } },
      spec: { reference: `registry.example.com/nginx@sha256:${'a'.repeat(64)}`, podSelector: {} },
    });
    assert.equal(bound.status, 201, JSON.stringify(bound.body));
    const upgrade = (chart: string, ...args: readonly string[]) =>
      useHelm(['upgrade', 'fairlead', chart, ...args, ...installing]);
    assert.equal(await createPod('without-webhooks'), 201);
    succeeded(await upgrade(firstChart, '--reuse-values', '--set', 'webhooks=true'));
    // No operator runs here.
    await until('pods are refused', async () => (await createPod('with-webhooks')) === 500);

    const caBundle = readFileSync(api.kubeconfig, 'utf8').match(/"certificate-authority-data":"([^"]+)"/)?.[1];
    const injected = [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: caBundle }];
    assert.equal((await api.request('PATCH', webhook, injected, 'application/json-patch+json')).status, 200);
    const definition = `${definitions}/profileartifacts.fairlead.dev`;
    const before = await read(definition);
    succeeded(await upgrade(chartDirectory, '--reset-then-reuse-values'));

    const { webhooks } = (await read(webhook)) as unknown as { webhooks: { clientConfig: { caBundle?: string } }[] };
    assert.equal(webhooks[0]?.clientConfig.caBundle, caBundle);
    const { spec } = await read(`/apis/apps/v1/namespaces/${namespace}/deployments/fairlead-operator`);
    assert.equal((spec as { readonly replicas: number }).replicas, 3);
    assert.notDeepEqual((await read(definition))['spec'], before['spec'], 'the APIs are upgraded as well');
    assert.deepEqual(await read(`${bindings}/kept`), bound.body);
    assert.equal(await createPod('after-upgrade'), 500);
  });

  it('is uninstalled by helm from the webhooks on, and used again by the next one', async () => {
    const kept = await read('/apis/fairlead.dev/v1alpha1/namespaces/default/artifactbindings/kept');
    const since = readFileSync(audit, 'utf8').length;
    succeeded(await useHelm(['uninstall', 'fairlead']));
    const deleted = readFileSync(audit, 'utf8')
      .slice(since)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { readonly verb: string; readonly objectRef: { readonly resource: string } })
      .filter(({ verb }) => verb === 'delete')
      .map(({ objectRef }) => objectRef.resource);
    const of = (...resources: string[]) => resources.map((each) => deleted.indexOf(each)).toSorted((a, b) => a - b);
    const [webhooks, others] = [
      of('mutatingwebhookconfigurations', 'validatingwebhookconfigurations'),
      of('deployments', 'services', 'serviceaccounts', 'clusterroles', 'clusterrolebindings'),
    ];
    assert.ok((webhooks[0] ?? -1) >= 0 && (webhooks.at(-1) ?? 0) < (others[0] ?? 0), String(deleted));
    assert.ok(!deleted.includes('customresourcedefinitions') && !deleted.includes('namespaces'), String(deleted));
    await until('pods are created', async () => (await createPod('after-uninstall')) === 201);

    succeeded(await install(chartDirectory, exampleImage));
    assert.deepEqual(await read('/apis/fairlead.dev/v1alpha1/namespaces/default/artifactbindings/kept'), kept);
  });

  it('can have the push and pull service beside the operator, which the API server takes', async () => {
    for (const service of ['push', 'pull']) {
      const text = readFileSync(path.join(deploy, `services/kubernetes/${service}.yaml`), 'utf8');
      const objects = [...readManifests(text).values()];
      assert.equal(objects.length, 4);
      for (const object of objects.filter(({ kind }) => minor > 20 || kind !== 'PodDisruptionBudget')) {
        const { status, body } = await api.request('POST', `${collectionOf(object)}?dryRun=All`, object);
        assert.equal(status, 201, JSON.stringify(body));
      }
    }
  });

  it('is removed with its APIs by the commands of deploy/README.md', async () => {
    succeeded(await useHelm(['uninstall', 'fairlead']));
    await readApis();
    await follow('The APIs stay', '$ kubectl delete namespace');
    const { items } = (await api.request('GET', definitions)).body as unknown as { readonly items: readonly object[] };
    assert.deepEqual(items, []);
  });
});
