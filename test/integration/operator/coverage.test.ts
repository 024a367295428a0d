import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { bindingMarker } from '#operator/kube/binding-marker';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { launcher, run, runFairlead } from '#test/support/cli/run';
import { type Answered, OperatorCluster, until } from '#test/support/operator-cluster';

const nginx = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
const other = nginx.replace('nginx', 'other');
const bindings = '/apis/fairlead.dev/v1alpha1/namespaces/web/artifactbindings';
const selector = { podSelector: { matchLabels: { app: 'nginx' } } };

describePeers(apiserverRequirements, 'what pods run under, in a cluster', () => {
  let cluster: OperatorCluster;
  before(async () => {
    cluster = await OperatorCluster.start();
  });
  after(() => cluster?.stop());

  const runPod = async (name: string): Promise<Answered> => {
    const { status, body } = await cluster.createPod(name);
    assert.equal(status, 201, body.message);
    assert.equal((await cluster.patchPod(name, { status: { phase: 'Running' } }, '/status')).status, 200);
    return body;
  };
  const ask = async (...words: string[]) => {
    const args = ['cluster', ...words, '-n', 'web', '--kubeconfig', cluster.api.kubeconfig];
    const { code, stdout, stderr } = await runFairlead([...args, '--output', 'json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };

  it('is in the status of a binding, and in the answers of the plugin', async () => {
    await runPod('old');
    assert.equal((await cluster.bind('nginx', { reference: nginx, ...selector })).status, 201);
    const statusOf = async () =>
      (await cluster.request('GET', `${bindings}/nginx`)).body as unknown as {
        readonly status?: { readonly matchedPods: number; readonly outdatedPods: number; readonly reference: string };
      };
    await until('the binding has a status', async () => (await statusOf()).status?.matchedPods === 1);
    const { outdatedPods, reference } = (await statusOf()).status ?? {};
    assert.deepEqual([outdatedPods, reference], [1, `oci/${nginx}`]);

    await runPod('new');
    const label = { metadata: { labels: { 'fairlead.dev/enforce': 'warn' } } };
    const type = 'application/merge-patch+json';
    assert.equal((await cluster.api.request('PATCH', '/api/v1/namespaces/web', label, type)).status, 200);
    const { namespaces } = await ask('coverage');
    assert.deepEqual(
      namespaces.map(({ namespace, pods, vouchedFor, outdated, enforce }: Record<string, unknown>) => [
        namespace,
        pods,
        vouchedFor,
        outdated,
        enforce,
      ]),
      [['web', 2, 1, 1, 'warn']],
    );
    const { places } = await ask('why', 'new');
    assert.deepEqual([places[1].state, places[1].isOutdated], ['Artifact', false]);
    const artifactBindings = { group: 'fairlead.dev', version: 'v1alpha1', plural: 'artifactbindings' };
    const marker = bindingMarker({ ...artifactBindings, kind: 'ArtifactBinding', namespaced: true }, 'web');
    const document = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'ArtifactBinding', ...marker };
    assert.equal((await cluster.request('POST', bindings, document)).status, 201);
    // One without pods is listed with its profile, or with what is missing.
    const podSelector = { matchLabels: { app: 'none' } };
    const waits = { artifactRef: { kind: 'ProfileArtifact', name: 'absent' }, podSelector };
    assert.equal((await cluster.bind('waiting', waits)).status, 201);
    assert.equal((await cluster.bind('unused', { reference: other, podSelector })).status, 201);
    const [listed, unused, waiting, ...others] = (await ask('bindings')).bindings;
    assert.deepEqual(others, []);
    assert.deepEqual([unused.name, unused.pods, unused.profiles], ['unused', 0, [`oci/${other}`]]);
    assert.match(waiting.problem, /ProfileArtifact "web\/absent", which does not exist\. Create it/);
    assert.deepEqual([listed.name, listed.pods, listed.outdated, listed.profiles], ['nginx', 2, 1, [`oci/${nginx}`]]);
    assert.deepEqual((await ask('outdated')).owners, [
      { namespace: 'web', kind: 'Pod', name: 'old', pods: ['old'], bindings: ['nginx'] },
    ]);
  });

  it('is counted by the metrics of the leader', async () => {
    const values = async () => {
      const lines = [...(await cluster.metrics()).matchAll(/^(fairlead_(?:outdated_)?pods\{.*\}) (\d+)$/gm)];
      return Object.fromEntries(lines.map(([, name = '', value]) => [name, Number(value)]));
    };
    // A coverage counts for a second before it is determined again.
    await until('both pods are counted', async () => {
      const counted = await values();
      return counted['fairlead_pods{coverage="covered",service="operator"}'] === 1;
    });
    assert.deepEqual(await values(), {
      'fairlead_pods{coverage="covered",service="operator"}': 1,
      'fairlead_pods{coverage="uncovered",service="operator"}': 1,
      'fairlead_outdated_pods{service="operator"}': 1,
    });
  });

  it('explains a pod under the name of a plugin of kubectl', async () => {
    const plugin = cluster.file('kubectl-fairlead');
    symlinkSync(launcher, plugin);
    const why = (pod: string, ...more: string[]) => run(process.execPath, [plugin, 'why', pod, '-n', 'web', ...more]);
    const { code, stdout, stderr } = await why('old', '--kubeconfig', cluster.api.kubeconfig);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^pod {8}web\/old\n/);
    assert.match(stdout, /container "app"\n {2}runs under {3}Unset\n {2}decides {6}nginx\n/);
    assert.match(stdout, /outdated/);
    const missing = await why('nobody', '--kubeconfig', cluster.api.kubeconfig);
    assert.deepEqual([missing.code, missing.stdout], [7, '']);
    assert.match(missing.stderr, /no pod web\/nobody\n.*\nhint: .*kubectl get pods -n web/);
    const nowhere = await why('old');
    assert.equal(nowhere.code, 2);
    assert.match(
      nowhere.stderr,
      /no kubeconfig: neither KUBECONFIG nor ~\/\.kube\/config exists\nhint: .*--kubeconfig/,
    );
  });
});
