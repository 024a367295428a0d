import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { apiserverMinor, apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { manifest, OperatorCluster, until } from '#test/support/operator-cluster';

const nameLabel = 'kubernetes.io/metadata.name';
const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
const privileged = {
  containers: [{ name: 'app', image: 'registry.example.com/app:1', securityContext: { privileged: true } }],
};

describePeers(apiserverRequirements, 'a namespace that carries the name of another', () => {
  const minor = apiserverMinor();
  const since = minor >= 22 && 'the API server sets the label itself since 1.22';
  let cluster: OperatorCluster;
  before(async () => {
    cluster = await OperatorCluster.start();
    assert.equal((await cluster.bind('all', { reference, podSelector: {} })).status, 201);
  });
  after(() => cluster?.stop());
  const label = async (value: string | null): Promise<void> => {
    const patch = { metadata: { labels: { [nameLabel]: value } } };
    const { status, body } = await cluster.patchNamespace('web', patch);
    assert.equal(status, 200, body.message);
  };
  const create = () => cluster.createPod('any', { namespace: 'default', query: '?dryRun=All' });

  it('cannot be made where the API server sets the label', {
    skip: minor < 22 && 'it does so since 1.22',
  }, async () => {
    const { status, body } = await cluster.patchNamespace('web', {
      metadata: { labels: { [nameLabel]: 'kube-system' } },
    });
    assert.ok(status === 422 || body.metadata.labels?.[nameLabel] === 'web', JSON.stringify(body));
  });

  it('stops the operator from admitting pods anywhere, until it is corrected', { skip: since }, async () => {
    await until('pods are admitted', async () => (await create()).status === 201);
    for (const corrected of ['web', null]) {
      await label('kube-system');
      await until('no pod is admitted', async () => (await create()).status === 500);
      const { body } = await create();
      assert.match(body.message ?? '', /namespace "web" has the name of another.*=kube-system.*kubectl label/);
      // In the namespace itself nothing asks the operator: only the webhook for namespaces prevents
      // that.
      const createEscaping = () => cluster.createPod('escaping', { spec: privileged, query: '?dryRun=All' });
      await until('its pods escape', async () => (await createEscaping()).status === 201);
      await label(corrected);
      await until('pods are admitted again', async () => (await create()).status === 201);
    }
  });

  it('keeps an operator that starts from being ready', { skip: since }, async () => {
    const { address } = cluster;
    await cluster.stopOperator();
    await label('fairlead-system');
    // What the operator must not stand by and watch: its webhooks are down, and are not even asked.
    assert.equal((await cluster.createPod('escaped', { spec: privileged })).status, 201);
    await cluster.startOperator(address);
    const { status, body } = await create();
    assert.equal(status, 500);
    assert.match(body.message ?? '', /namespace "web" has the name of another.*=fairlead-system.*kubectl label/);
    assert.equal(await cluster.readiness(), 503);
    await label(null);
    await until('pods are admitted again', async () => (await create()).status === 201);
    assert.equal((await cluster.createPod('bound', { spec: privileged })).status, 403);
  });

  it('is looked for as soon as the API server can be asked', { skip: since }, async () => {
    const { address } = cluster;
    await cluster.stopOperator();
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/fairlead-operator';
    const [, , roleBinding] = manifest('rbac.yaml');
    assert.ok(roleBinding);
    assert.equal((await cluster.request('DELETE', role)).status, 200);
    await label('kube-system');
    await cluster.startOperator(address);
    const { status, body } = await create();
    assert.equal(status, 500);
    assert.match(body.message ?? '', /cannot list the Namespaces: .* 403.*deploy\/operator\/rbac\.yaml/s);
    await cluster.apply(roleBinding);
    await until('the namespace is found', async () =>
      /has the name of another/.test((await create()).body.message ?? ''),
    );
    await label(null);
    await until('pods are admitted again', async () => (await create()).status === 201);
  });

  it('is refused by the webhook for namespaces, through whatever part of a namespace', { skip: since }, async () => {
    for (const configuration of cluster.webhooks('namespace-webhook.yaml')) await cluster.apply(configuration);
    const named = (name: string, value: string) => ({ metadata: { name, labels: { [nameLabel]: value } } });
    const namespace = '/api/v1/namespaces/web';
    const create = (name: string, value: string) =>
      cluster.request('POST', '/api/v1/namespaces?dryRun=All', {
        apiVersion: 'v1',
        kind: 'Namespace',
        ...named(name, value),
      });
    await until('it is called', async () => (await create('new', 'kube-system')).status === 403);
    const { body } = await create('new', 'kube-system');
    assert.match(body.message ?? '', /namespace "new" may not have the name of another.*=kube-system/);
    assert.equal((await create('new', 'new')).status, 201);

    const { body: before } = await cluster.request('GET', namespace);
    for (const subresource of ['', '/status', '/finalize']) {
      const changed = { ...before, ...named('web', 'fairlead-system') };
      const put = await cluster.request('PUT', `${namespace}${subresource}`, changed);
      assert.deepEqual([subresource, put.status], [subresource, 403]);
    }
    const types = ['application/merge-patch+json', 'application/strategic-merge-patch+json'];
    for (const type of types) {
      const { status } = await cluster.api.request('PATCH', namespace, named('web', 'kube-system'), type);
      assert.equal(status, 403);
    }
    await label('web');
    // Its pods are bound, for it was never left out.
    assert.equal((await cluster.createPod('escaping', { spec: privileged })).status, 403);

    // Nothing is asked about namespaces without the label, and one that has it needs the operator.
    await label(null);
    const { address } = cluster;
    await cluster.stopOperator();
    const other = { metadata: { labels: { team: 'a' } } };
    assert.equal((await cluster.patchNamespace('web', other)).status, 200);
    assert.equal((await cluster.patchNamespace('web', named('web', 'web'))).status, 500);
    await cluster.startOperator(address);
    await until('pods are admitted again', async () => (await create('x', 'x')).status === 201);
  });
});
