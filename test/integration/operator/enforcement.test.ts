import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { apiserverMinor, apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { OperatorCluster, type PodOptions, until } from '#test/support/operator-cluster';

const label = 'fairlead.dev/enforce';
const image = 'registry.example.com/app:1';
const nginx = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
const minor = apiserverMinor();

describePeers(apiserverRequirements, 'a namespace that requires verified profiles', () => {
  let cluster: OperatorCluster;
  before(async () => {
    const gates = minor < 25 ? { 'feature-gates': 'EphemeralContainers=true' } : {};
    cluster = await OperatorCluster.start({ flags: gates });
    const bound = await cluster.bind('nginx', { reference: nginx, podSelector: { matchLabels: { app: 'nginx' } } });
    assert.equal(bound.status, 201);
  });
  after(() => cluster?.stop());

  const free = { labels: { app: 'free' } };
  const dryRun = { ...free, query: '?dryRun=All' };
  /** Sets the label, and waits until the operator knows of it. */
  const demand = async (value: string | null, expected: number): Promise<void> => {
    const { status, body } = await cluster.patchNamespace('web', { metadata: { labels: { [label]: value } } });
    assert.equal(status, 200, body.message);
    await until(`pods are answered with ${expected}`, async () => {
      const probe = await cluster.createPod('probe', dryRun);
      return probe.status === expected && (value !== 'warn' || warningsOf(probe).length > 0);
    });
  };
  const warningsOf = (answer: object): readonly string[] =>
    (answer as { readonly warnings: readonly string[] }).warnings.filter((each) => each.includes('verified profile'));
  const create = (name: string, options: PodOptions) => cluster.createPod(name, options);

  it('admits, warns or refuses by its label, also in a dry run', async () => {
    assert.equal((await create('absent', free)).status, 201);
    await demand('audit', 201);
    const audited = await create('audited', free);
    assert.deepEqual([audited.status, warningsOf(audited)], [201, []]);
    await demand('warn', 201);
    for (const options of [free, dryRun]) {
      const warned = await create('warned', options);
      assert.match(warningsOf(warned).join(), /container \\?"app\\?" \(Unset\).*ArtifactBinding/);
      // The name is taken, and the pod would be created otherwise.
      assert.ok(warned.status === 201 || warned.status === 409, warned.body.message);
    }
    assert.deepEqual(warningsOf(await create('bound-while-warned', {})), []);
    await demand('enforce', 403);
    for (const options of [free, dryRun]) {
      const { status, body } = await create('refused', options);
      assert.equal(status, 403);
      assert.match(
        body.message ?? '',
        /fairlead\.dev\/enforce=enforce, .*container "app" \(Unset\)\. Create an Artifact/,
      );
    }
    assert.equal((await create('bound', {})).status, 201);
  });

  it('takes an unknown value for enforce, and says which values are valid', async () => {
    await demand('strict', 403);
    const { body } = await create('refused', dryRun);
    assert.match(body.message ?? '', /"strict", which is treated as enforce: valid values are audit, warn, enforce/);
  });

  it('lets pods that are older than the label be updated and deleted', async () => {
    await demand('enforce', 403);
    const { status, body } = await cluster.patchPod('absent', { metadata: { labels: { tier: 'front' } } });
    assert.equal(status, 200, body.message);
    assert.equal((await cluster.request('DELETE', '/api/v1/namespaces/web/pods/absent')).status, 200);
  });

  it('judges ephemeral containers', async () => {
    await demand(null, 201);
    assert.equal((await create('debugged', free)).status, 201);
    await demand('enforce', 403);
    const at = '/api/v1/namespaces/web/pods/debugged/ephemeralcontainers';
    const ephemeralContainers = [{ name: 'debugger', image }];
    const debug = async () =>
      minor < 22
        ? await cluster.request('PUT', at, { ...(await cluster.request('GET', at)).body, ephemeralContainers })
        : await cluster.patchPod('debugged', { spec: { ephemeralContainers } }, '/ephemeralcontainers');
    // The binding of the namespace decides first where the API server does not show the pod.
    await cluster.unbind('nginx');
    const { status, body } = await debug();
    assert.equal(status, 403);
    const expected = minor < 22 ? /before Kubernetes 1\.22/ : /ephemeral container "debugger" \(Unset\)/;
    assert.match(body.message ?? '', expected);
    assert.match(body.message ?? '', /fairlead\.dev\/enforce=enforce/);
    await demand(null, 201);
    assert.equal((await debug()).status, 200);
  });

  it('does not concern the namespaces in which the webhooks are not called', async () => {
    // The namespace of the operator requires it of its pods, from Kubernetes 1.23 on.
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const restricted = { containers: [{ name: 'app', image: 'registry.example.com/app:1', securityContext }] };
    for (const name of ['kube-system', 'fairlead-system']) {
      await cluster.patchNamespace(name, {
        metadata: { labels: { [label]: 'enforce', 'kubernetes.io/metadata.name': name } },
      });
      const { status, body } = await create('system', { ...free, namespace: name, spec: restricted });
      assert.equal(status, 201, body.message);
    }
  });
});
