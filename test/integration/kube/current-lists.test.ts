import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { KubeClient } from '#lib/kube/client';
import { type CurrentList, CurrentLists } from '#lib/kube/current-lists';
import { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { type Crdserver, crdserverRequirements, startCrdserver } from '#test/peers/crdserver';
import { describePeers } from '#test/peers/require';
import { askWhileWriting } from '#test/support/kube/ask-while-writing';
import { Front } from '#test/support/kube/front';
import { manifest, until } from '#test/support/operator-cluster';

const bindings: Resource = {
  group: 'fairlead.dev',
  version: 'v1alpha1',
  plural: 'artifactbindings',
  kind: 'ArtifactBinding',
  namespaced: true,
};
const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
const namespaces = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8'];
const seconds = 3;

for (const [server, requirements, start] of [
  ['kube-apiserver', apiserverRequirements, startApiserver],
  ['crdserver', crdserverRequirements, startCrdserver],
] as const) {
  describePeers(requirements, `CurrentLists of ${server}`, () => {
    let running: Apiserver | Crdserver;
    let front: Front;
    let api: KubeClient;
    let direct: KubeClient;
    let lists: CurrentLists;
    let list: CurrentList<string>;
    before(async () => {
      running = await start();
      const { request } = running;
      for (const definition of manifest('crds/artifactbindings.yaml')) {
        const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
        assert.equal((await request('POST', path, definition)).status, 201);
      }
      const collection = '/apis/fairlead.dev/v1alpha1/artifactbindings';
      await until('the CRD is served', async () => (await request('GET', collection)).status === 200);
      for (const name of namespaces) {
        // A crdserver has no objects for its namespaces.
        await request('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      }
      front = await Front.start(running);
      api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 10_000 });
      direct = await KubeClient.open({ kubeconfig: running.kubeconfig, answerWithin: 10_000 });
      lists = new CurrentLists(api);
      list = lists.of({ resource: bindings, parse: ({ metadata }) => metadata.name });
    });
    after(async () => {
      api?.close();
      direct?.close();
      await front?.stop();
      await running?.stop();
    });

    /** Creates, deletes and lists in namespaces for a while. Verifies the answers. */
    const use = async (...used: string[]): Promise<void> => {
      const client = new ObjectClient(direct);
      front.requests.length = 0;
      const options = { client, resource: bindings, spec: { reference, podSelector: {} }, list, seconds };
      const { asked, took } = await askWhileWriting({ ...options, namespaces: used });
      const sent = front.requests.length;
      assert.ok(sent <= 3 + 17 * took, `${sent} lists in ${took} s`);
      assert.ok(asked > sent, `${asked} questions, ${sent} lists`);
    };
    const isOfCluster = ({ url }: { readonly url: string }): boolean => !url.includes('/namespaces/');

    it('contain what was created before the question, and nothing that was deleted before it', async () => {
      await use('n1', 'n2');
      assert.equal(front.count(isOfCluster), 0);
    });

    it('do so for many namespaces at once', async () => {
      await use(...namespaces);
      assert.ok(front.count(isOfCluster) > 0);
    });

    it('report a kind that the API server does not serve', async () => {
      const resource = { ...bindings, version: 'v9' };
      const absent = lists.of({ resource, parse: () => '' });
      const isExplained = {
        kind: 'NotFound',
        message: /^cannot list the ArtifactBindings.*; it does not serve artifactbindings of fairlead\.dev\/v9/,
      };
      await assert.rejects(absent.list('n1'), isExplained);
      await assert.rejects(absent.probe(), isExplained);
    });
  });
}
