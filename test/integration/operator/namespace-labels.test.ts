import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { Front } from '#test/support/kube/front';
import { OperatorCluster, until } from '#test/support/operator-cluster';

const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;

describePeers(apiserverRequirements, 'a binding that selects namespaces by their labels', () => {
  let cluster: OperatorCluster;
  let front: Front;
  before(async () => {
    cluster = await OperatorCluster.start();
    front = await Front.start(cluster.api);
    const { address } = cluster;
    await cluster.stopOperator();
    copyFileSync(front.kubeconfig, cluster.file('operator.kubeconfig'));
    await cluster.startOperator(address);
    await until('the objects are listed', async () => {
      const { status } = await cluster.createPod('first', { query: '?dryRun=All' });
      return status === 201;
    });
  });
  after(async () => {
    await cluster?.stop();
    await front?.stop();
  });

  it('holds for a pod that is created after the label, also while the watch of namespaces is held up', async () => {
    const { status, body } = await cluster.request('POST', '/apis/fairlead.dev/v1alpha1/clusterartifactbindings', {
      ...{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'ClusterArtifactBinding', metadata: { name: 'team' } },
      spec: { reference, podSelector: {}, namespaceSelector: { matchLabels: { team: 'web' } } },
    });
    assert.equal(status, 201, body.message);
    const profile = async (name: string) => {
      const { status, body } = await cluster.createPod(name);
      assert.equal(status, 201, body.message);
      return body.spec.securityContext?.seccompProfile?.localhostProfile;
    };
    assert.equal(await profile('before'), undefined);
    front.stall();
    await cluster.patchNamespace('web', { metadata: { labels: { team: 'web' } } });
    assert.equal(await profile('after'), `oci/${reference}`);
    await cluster.patchNamespace('web', { metadata: { labels: { team: null } } });
    assert.equal(await profile('removed'), undefined);
  });
});
