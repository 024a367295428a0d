import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { type Answer, OperatorCluster, until } from '#test/support/operator-cluster';

const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
const clusterBindings = '/apis/fairlead.dev/v1alpha1/clusterartifactbindings';
const webhooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
/** More pods at once than are decided on by lists. */
const many = 30;

describePeers(apiserverRequirements, 'the markers of bindings', () => {
  let cluster: OperatorCluster;
  before(async () => {
    cluster = await OperatorCluster.start();
  });
  after(() => cluster?.stop());

  /** Creates pods, and returns the answers for those that are not bound. */
  const failures = async (): Promise<readonly Answer[]> => {
    const answers = await Promise.all(
      Array.from({ length: many }, async (_, index) => {
        await sleep(index * 50);
        return await cluster.createPod(`pod-${index}`, { query: '?dryRun=All' });
      }),
    );
    return answers.filter(
      ({ status, body }) => status !== 201 || body.spec.securityContext?.seccompProfile === undefined,
    );
  };

  it('are not waited for where a third-party webhook does not answer', async (t) => {
    assert.equal((await cluster.bind('nginx', { reference, podSelector: {} })).status, 201);
    assert.deepEqual(await failures(), []);
    const [cert, key] = [cluster.file('tls.crt'), cluster.file('tls.key')].map((file) => readFileSync(file));
    let asked = 0;
    const dead = createServer({ cert, key }, () => {
      asked += 1;
    });
    await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      dead.closeAllConnections();
      dead.close();
    });
    const clientConfig = {
      url: `https://127.0.0.1:${(dead.address() as AddressInfo).port}`,
      caBundle: readFileSync(cluster.file('ca.crt')).toString('base64'),
    };
    const rules = [{ apiGroups: ['fairlead.dev'], apiVersions: ['*'], operations: ['*'], resources: ['*/status'] }];
    await cluster.apply({
      ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' },
      metadata: { name: 'dead' },
      webhooks: [
        {
          ...{ name: 'dead.example.com', failurePolicy: 'Ignore', timeoutSeconds: 10, sideEffects: 'None' },
          ...{ admissionReviewVersions: ['v1'], clientConfig, rules },
        },
      ],
    });
    let failed: readonly Answer[] = [];
    await until('the webhook is called', async () => {
      failed = [...failed, ...(await failures())];
      return asked > 0;
    });
    await cluster.request('DELETE', `${webhooks}/dead`);
    await cluster.unbind('nginx');
    assert.deepEqual(failed, []);
  });

  it('do not count among the bindings that a cluster may have', async () => {
    const bind = (index: number): Promise<Answer> =>
      cluster.request('POST', clusterBindings, {
        ...{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'ClusterArtifactBinding', metadata: { name: `b${index}` } },
        spec: { reference, podSelector: {}, namespaceSelector: {} },
      });
    for (let index = 0; index < 500; index += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, more) => bind(index + more)));
      for (const { status, body } of answers) assert.equal(status, 201, body.message);
    }
    // On a busy machine the operator asks for another attempt first.
    await until('all pods are bound', async () => (await failures()).length === 0);
    assert.equal((await cluster.request('GET', `${clusterBindings}/fairlead-marker`)).status, 200);
  });
});
