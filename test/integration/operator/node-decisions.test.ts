import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { errorStatus } from '#lib/cri/grpc-status';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { profileRefusal } from '#lib/node/reference/profile-refusal';
import { parsePinned } from '#lib/registry/pinned-reference';
import { parseReference } from '#lib/registry/reference';
import { remoteRepository } from '#lib/registry/remote/repository';
import { publish } from '#services/push/publish';
import { apiserverRequirements } from '#test/peers/apiserver';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { ArtifactObjects, messageOf } from '#test/support/operator/artifact-objects';
import { OperatorCluster, until } from '#test/support/operator-cluster';
import { allowing, common, signer } from '#test/support/publication';

const pods = '/api/v1/namespaces/web/pods';

describePeers([...apiserverRequirements, 'docker-registry'], 'what nodes decide about an artifact', () => {
  let cluster: OperatorCluster;
  let objects: ArtifactObjects;
  let registry: Registry;
  let reference: string;

  before(async () => {
    [cluster, registry] = await Promise.all([OperatorCluster.start(), startRegistry()]);
    objects = new ArtifactObjects(cluster);
    const tag = parseReference(`${registry.host}/nginx:stable`);
    const target = remoteRepository(tag, {});
    const published = await publish(allowing('read'), { reference: tag }, { ...common, signer, target });
    reference = `${registry.host}/nginx@${published.reference.digest}`;
    await objects.add('TrustPolicy', 'default', { rules: [{ match: `${registry.host}/**`, unsigned: true }] });
    await objects.follow('nginx', { reference: `${registry.host}/nginx:stable` });
    await objects.add('ClusterProfileArtifact', 'nginx', { reference: `${registry.host}/nginx:stable` });
  });
  after(async () => {
    await cluster?.stop();
    await registry?.stop();
  });

  const refusal = (kind: ErrorKind, container?: string): string =>
    errorStatus(
      profileRefusal(new FairleadError(kind, 'r.example.com: denied', { hint: 'Ask.' }), {
        reference: parsePinned(reference),
        container,
      }),
    ).message;
  const fairlead = (...words: string[]) =>
    runFairlead(['cluster', ...words, '-n', 'web', '--kubeconfig', cluster.api.kubeconfig]);
  const securityContext = () => ({ seccompProfile: { type: 'Localhost', localhostProfile: `oci/${reference}` } });
  /** Creates a pod that a node runs. Returns its UID. */
  const addPod = async (name: string, spec: object): Promise<string> => {
    const { status, body } = await cluster.createPod(name, { spec: { nodeName: 'n1', ...spec } });
    assert.equal(status, 201, body.message);
    return (body.metadata as unknown as { readonly uid: string }).uid;
  };
  const ofContainer = () => ({
    containers: [{ name: 'app', image: 'registry.example.com/app:1', securityContext: securityContext() }],
  });
  /** Writes the status of the container of a pod, as its kubelet. */
  const report = async (pod: string, phase: string, state: object, containerID = ''): Promise<void> => {
    const container = { name: 'app', image: 'app', imageID: '', ready: false, restartCount: 0, containerID, state };
    const { status, body } = await cluster.patchPod(
      pod,
      { status: { phase, containerStatuses: [container] } },
      '/status',
    );
    assert.equal(status, 200, body.message);
  };
  const waiting = (message: string, reason = 'CreateContainerError') => ({ waiting: { reason, message } });
  const start = (pod: string) =>
    report(pod, 'Running', { running: { startedAt: '2026-12-01T10:00:00Z' } }, 'containerd://1');
  const deletePod = async (name: string): Promise<void> => {
    const { status } = await cluster.request('DELETE', `${pods}/${name}?gracePeriodSeconds=0`);
    assert.equal(status, 200);
  };
  const kinds = ['ProfileArtifact', 'ClusterProfileArtifact'] as const;
  const reach = async (condition: string): Promise<string> => {
    const [message = '', other] = await Promise.all(
      kinds.map(async (kind) =>
        messageOf(await objects.reachCondition('nginx', `NodesAccept ${condition}`, kind), 'NodesAccept'),
      ),
    );
    assert.equal(other, message);
    return message;
  };

  it('is not known before a pod names it, and true when one runs', async () => {
    await reach('Unknown NotReported');
    await addPod('runs', ofContainer());
    await start('runs');
    await reach('True Accepted');
  });

  it('is false while a container is refused, with the pod, its node, the reason and the next step', async () => {
    await addPod('refused', ofContainer());
    await report('refused', 'Pending', waiting(refusal('Unauthenticated', 'app')));
    assert.equal(
      await reach('False NodesUnauthenticated'),
      'Nodes refuse it. Pod web/refused on node n1 waits: Unauthenticated: r.example.com: denied (Ask.) Nodes do not use ' +
        'pullSecret: give them a credential provider, or credentials in a file of their own.',
    );
    await until('both events', async () => {
      const events = await objects.events('nginx');
      return events.filter((event) => event.startsWith('Warning NodesUnauthenticated: Nodes refuse it.')).length === 2;
    });
    await report('refused', 'Pending', waiting(refusal('NotAllowed', 'app')));
    await reach('False NodesRefuse');
    const text = succeeded(await fairlead('why', 'refused'));
    assert.match(
      text,
      /container "app"\n {2}names {8}oci\/\S+\n {2}waits {8}refused by node n1: NotAllowed: r\.example\.com: denied \(Ask\.\)\n/,
    );
    assert.doesNotMatch(text, /runs under/);
    assert.match(succeeded(await fairlead('why', 'runs')), /container "app"\n {2}runs under {3}oci\//);
    await start('refused');
    await reach('True Accepted');
    await deletePod('refused');
  });

  it('is false while the sandbox of a pod is refused, which only an event states', async () => {
    const uid = await addPod('boxed', {
      securityContext: securityContext(),
      containers: [{ name: 'app', image: 'app' }],
    });
    await report('boxed', 'Pending', waiting('', 'ContainerCreating'));
    const record = async (name: string, message: string, lastTimestamp: string): Promise<void> => {
      const { status, body } = await cluster.request('POST', '/api/v1/namespaces/web/events', {
        metadata: { name },
        involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'web', name: 'boxed', uid },
        ...{ type: 'Warning', reason: 'FailedCreatePodSandBox', source: { component: 'kubelet', host: 'n1' } },
        ...{ message, firstTimestamp: lastTimestamp, lastTimestamp, count: 1 },
      });
      assert.equal(status, 201, body.message);
    };
    const failed = 'Failed to create pod sandbox: rpc error: code = NotFound desc = ';
    await record('boxed.1', `${failed}${refusal('NotFound')}`, '2026-12-01T10:00:00Z');
    assert.match(await reach('False NodesRefuse'), /Pod web\/boxed on node n1 waits: NotFound: /);
    // Now the network of the node fails: that is not about the artifact.
    await record('boxed.2', 'Failed to create pod sandbox: no network', '2026-12-01T10:00:10Z');
    await reach('True Accepted');
    await record('boxed.3', `${failed}${refusal('NotFound')}`, '2026-12-01T10:00:20Z');
    await reach('False NodesRefuse');
    await start('boxed');
    await reach('True Accepted');
    await deletePod('boxed');
  });

  it('is stated by bindings too, and of an object of a namespace only for its own pods', async () => {
    const podSelector = { matchLabels: { app: 'none' } };
    assert.equal((await cluster.bind('nginx', { reference, podSelector })).status, 201);
    await objects.reachCondition('nginx', 'NodesAccept True Accepted', 'ArtifactBinding');
    assert.match(
      succeeded(await fairlead('bindings')),
      /NODESACCEPT.*\n.*ArtifactBinding\/nginx +Enforce +1 +0 +True +oci\//,
    );
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
    const { status, body } = await cluster.createPod('elsewhere', {
      namespace: 'other',
      spec: { nodeName: 'n1', ...ofContainer() },
    });
    assert.equal(status, 201, body.message);
    const container = { name: 'app', image: 'app', imageID: '', ready: false, restartCount: 0, containerID: '' };
    const written = await cluster.api.request(
      ...(['PATCH', '/api/v1/namespaces/other/pods/elsewhere/status'] as const),
      { status: { containerStatuses: [{ ...container, state: waiting(refusal('NotFound', 'app')) }] } },
      'application/merge-patch+json',
    );
    assert.equal(written.status, 200);
    await objects.reachCondition('nginx', 'NodesAccept False NodesRefuse', 'ClusterProfileArtifact');
    await objects.reachCondition('nginx', 'NodesAccept True Accepted');
  });

  it('stays what it was while the operator starts again, and is not known when all pods are gone', async () => {
    const at = '/apis/fairlead.dev/v1alpha1/namespaces/web/profileartifacts/nginx';
    const versionOf = async () => (await cluster.request('GET', at)).body.metadata.resourceVersion;
    const before = await versionOf();
    const { address } = cluster;
    await cluster.stopOperator();
    await cluster.startOperator(address);
    await objects.follow('later', { reference: `${registry.host}/nginx:stable` });
    await objects.reachCondition('later', 'NodesAccept True Accepted');
    assert.equal(await versionOf(), before);
    await deletePod('runs');
    await objects.reachCondition('nginx', 'NodesAccept Unknown NotReported');
  });
});
