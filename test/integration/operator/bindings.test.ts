import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { pino } from 'pino';
import type { Digest } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';
import { remoteRepository } from '#lib/registry/remote/repository';
import { startOperator } from '#operator/run/operator';
import type { PublishRequest } from '#services/push/publication';
import { publish } from '#services/push/publish';
import { apiserverMinor, apiserverRequirements } from '#test/peers/apiserver';
import { freePort } from '#test/peers/program';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { ArtifactObjects, messageOf } from '#test/support/operator/artifact-objects';
import { type Answered, type Json, OperatorCluster, until } from '#test/support/operator-cluster';
import { allowing, common, signer, stranger } from '#test/support/publication';

const referenceOf = (name: string, byte: string) => `registry.example.com/security/${name}@sha256:${byte.repeat(32)}`;
const [one, two, three] = [referenceOf('one', 'a1'), referenceOf('two', 'b2'), referenceOf('three', 'c3')];
const digest = `sha256:${'d4'.repeat(32)}`;
const everywhere = { podSelector: {}, namespaceSelector: {} };
const labelled = { podSelector: { matchLabels: { app: 'nginx' } } };

/** A container of each list that a pod is created with, one of them without a tag. */
const containers = {
  initContainers: [{ name: 'setup', image: 'registry.example.com/setup:1' }],
  containers: [
    { name: 'app', image: `registry.example.com/app@${digest}` },
    { name: 'proxy', image: 'envoyproxy/envoy:v1.31' },
  ],
};

/** Returns the profile of each place of a pod: the name of a repository, or the path of a file. */
function profilesOf({ spec }: Answered): Readonly<Record<string, string | undefined>> {
  const places = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const of = ({ securityContext }: Pick<Answered['spec'], 'securityContext'>) =>
    securityContext?.seccompProfile?.localhostProfile?.replace(/^oci\/.*security\/(\w+)@sha256:\w+/, '$1');
  return Object.fromEntries([['pod', of(spec)], ...places.map((place) => [place.name, of(place)])]);
}
const all = (profile: string | undefined) => ({ pod: profile, setup: profile, app: profile, proxy: profile });

describePeers([...apiserverRequirements, 'docker-registry'], 'bindings of all kinds with a real kube-apiserver', () => {
  let cluster: OperatorCluster;
  let objects: ArtifactObjects;
  let registry: Registry;
  before(async () => {
    // For the status of SeccompProfiles.
    const moreKinds = ['securityprofilenodestatuses', 'securityprofilesoperatordaemons'];
    [cluster, registry] = await Promise.all([OperatorCluster.start({ moreKinds }), startRegistry()]);
    objects = new ArtifactObjects(cluster);
    assert.equal((await cluster.patchNamespace('web', { metadata: { labels: { team: 'web' } } })).status, 200);
    const pem = signer.key.publicKey.key.export({ type: 'spki', format: 'pem' }).toString();
    await objects.add('TrustPolicy', 'default', { rules: [{ match: `${registry.host}/**`, require: [{ key: pem }] }] });
  });
  after(async () => {
    await cluster?.stop();
    await registry?.stop();
  });

  const dryRun = (spec: object = containers) => cluster.createPod('dry', { spec, query: '?dryRun=All' });
  /** Returns the profiles of a pod that is admitted. */
  const bound = async (spec?: object): Promise<Readonly<Record<string, string | undefined>>> => {
    const { status, body } = await dryRun(spec);
    assert.equal(status, 201, body.message);
    return profilesOf(body);
  };
  const refused = async (message: RegExp, expected = 503, spec?: object): Promise<void> => {
    const { status, body } = await dryRun(spec);
    assert.equal(status, expected, body.message);
    assert.match(body.message ?? '', message);
  };
  const push = async (
    at: string,
    names: string[],
    request: Partial<PublishRequest> = {},
    by = signer,
  ): Promise<Digest> => {
    const reference = parseReference(`${registry.host}/${at}`);
    const target = remoteRepository(reference);
    const { reference: published } = await publish(
      allowing(...names),
      { ...request, reference },
      { ...common, signer: by, target },
    );
    return published.digest;
  };

  it('decide by the most specific one, for each container', async () => {
    const add = async (kind: string, name: string, spec: object, expected: object): Promise<void> => {
      await objects.add(kind, name, spec);
      assert.deepEqual(await bound(), expected, name);
    };
    await add('ClusterArtifactBinding', 'base', { reference: one, ...everywhere }, all('one'));
    await add('ArtifactBinding', 'namespace', { reference: two, podSelector: {} }, all('two'));
    const namespaceSelector = { matchLabels: { team: 'web' } };
    await add('ClusterArtifactBinding', 'labels', { reference: three, ...labelled, namespaceSelector }, all('three'));
    const images: readonly (readonly [name: string, pattern: string, reference: string])[] = [
      ['wide', 'docker.io/**', one],
      ['repository', 'docker.io/envoyproxy/envoy', two],
      ['tags', 'docker.io/envoyproxy/envoy:v1.*', one],
      ['tag', 'docker.io/envoyproxy/envoy:v1.31', two],
    ];
    for (const [name, pattern, reference] of images) {
      const proxy = reference === one ? 'one' : 'two';
      await add('ArtifactBinding', name, { reference, podSelector: {}, images: [pattern] }, { ...all('three'), proxy });
    }
    const byDigest = { reference: one, podSelector: {}, images: [`registry.example.com/*@${digest}`] };
    await add('ArtifactBinding', 'digest', byDigest, { ...all('three'), app: 'one', proxy: 'two' });
    const named = { reference: two, ...everywhere, containers: ['setup', 'app', 'debug'] };
    const expected = { pod: 'three', setup: 'two', app: 'two', proxy: 'two' };
    await add('ClusterArtifactBinding', 'named', named, expected);

    const { status, body } = await cluster.createPod('stored', { spec: containers });
    assert.equal(status, 201, body.message);
    const { metadata, ...stored } = await cluster.pod('stored');
    assert.deepEqual(profilesOf({ metadata, ...stored }), expected);
    assert.match(metadata.annotations?.['fairlead.dev/bound-by'] ?? '', /^tag,ClusterArtifactBinding\/labels,Cluster/);
    // Before 1.22 the request does not show the pod; escapes.test.ts shows that it is refused.
    if (apiserverMinor() >= 22) {
      const debuggers = ['debug', 'other'].map((name) => ({ name, image: 'busybox:1', targetContainerName: 'app' }));
      const debugged = await cluster.patchPod(
        'stored',
        { spec: { ephemeralContainers: debuggers } },
        '/ephemeralcontainers',
      );
      assert.equal(debugged.status, 200, debugged.body.message);
      assert.deepEqual(profilesOf(debugged.body), { ...expected, debug: 'two', other: 'one' });
    }
    await objects.delete('ArtifactBinding', 'namespace', 'digest', ...images.map(([name]) => name));
    await objects.delete('ClusterArtifactBinding', 'base', 'labels', 'named');
    assert.deepEqual(await bound(), all(undefined));
  });

  it('that are equally specific refuse the pod, with the names and the containers', async () => {
    for (const [name, reference] of Object.entries({ mine: one, yours: two })) {
      const cases = { reference, ...everywhere, containers: ['app', 'setup'] };
      await objects.add('ClusterArtifactBinding', name, cases);
    }
    await refused(
      /bindings disagree on init container "setup", container "app": .*ClusterArtifactBinding "mine" .*ClusterArtifactBinding "yours" /,
      403,
    );
    await objects.merge('ClusterArtifactBinding', 'yours', { spec: { reference: one } });
    assert.deepEqual(await bound(), { ...all('one'), pod: undefined, proxy: undefined });
    await objects.delete('ClusterArtifactBinding', 'mine', 'yours');
  });

  it('of the cluster hold from their first moment, and a dry run writes nothing', async () => {
    for (let round = 0; round < 5; round++) {
      await objects.add('ClusterArtifactBinding', 'quick', { reference: one, ...everywhere });
      assert.deepEqual(await bound(), all('one'));
      await objects.delete('ClusterArtifactBinding', 'quick');
      assert.deepEqual(await bound(), all(undefined));
    }
    assert.equal((await cluster.request('GET', '/api/v1/namespaces/web/pods/dry')).status, 404);
  });

  it('specify what is only logged, next to the base', async () => {
    await objects.add('ArtifactBinding', 'log', {
      reference: one,
      podSelector: {},
      mode: 'Log',
      base: 'RuntimeDefault',
    });
    assert.deepEqual(await bound(), all('one?base=RuntimeDefault&mode=log'));
    await objects.delete('ArtifactBinding', 'log');
  });

  it('wait for an artifact until it is verified, and give new pods each digest that replaces it', async () => {
    await objects.add('ArtifactBinding', 'followed', {
      ...{ artifactRef: { kind: 'ClusterProfileArtifact', name: 'followed' }, podSelector: {} },
    });
    await refused(/ClusterProfileArtifact "followed", which does not exist\. Create it/);
    const reference = `${registry.host}/security/followed:stable`;
    await push('security/followed:stable', ['read', 'bind'], {}, stranger);
    await objects.add('ClusterProfileArtifact', 'followed', {
      reference,
      update: { policy: 'Track', interval: '10m' },
    });
    await objects.reachCondition('followed', 'Ready False SignatureInvalid', 'ClusterProfileArtifact');
    await until('it is known', async () => /is not verified yet: /.test((await dryRun()).body.message ?? ''));
    await refused(/ClusterProfileArtifact "followed" is not verified yet: .*signature.* Retry in 10 seconds/s);

    let seconds = 600;
    const takes = async (names: string[], by = signer): Promise<Digest> => {
      const pushed = await push('security/followed:stable', names, {}, by);
      const interval = `${++seconds}s`;
      await objects.merge('ClusterProfileArtifact', 'followed', { spec: { update: { policy: 'Track', interval } } });
      return pushed;
    };
    const isBoundTo = async (wanted: Digest): Promise<boolean> => {
      const { status, body } = await cluster.createPod('dry', { query: '?dryRun=All' });
      return status === 201 && body.spec.securityContext?.seccompProfile?.localhostProfile?.includes(wanted) === true;
    };
    const first = await takes(['read', 'bind']);
    await until('the first digest is bound', () => isBoundTo(first));
    const { status, body } = await cluster.createPod('older');
    assert.equal(status, 201, body.message);
    assert.equal((await cluster.patchPod('older', { status: { phase: 'Running' } }, '/status')).status, 200);
    const stricter = await takes(['read']);
    await until('the next digest is bound', () => isBoundTo(stricter));
    const { spec } = await cluster.pod('older');
    assert.ok(spec.securityContext?.seccompProfile?.localhostProfile?.endsWith(first), 'a running pod stays as it is');

    for (const [names, by, reason] of [
      [['read', 'ptrace'], signer, 'LooserReplacement'],
      [['write'], stranger, 'SignatureInvalid'],
    ] as const) {
      await takes([...names], by);
      await objects.reachCondition('followed', `UpToDate False ${reason}`, 'ClusterProfileArtifact');
      assert.ok(await isBoundTo(stricter), reason);
    }
    const ask = ['cluster', 'outdated', '--namespace', 'web', '--kubeconfig', cluster.api.kubeconfig];
    const { owners } = JSON.parse(succeeded(await runFairlead([...ask, '--output', 'json'])));
    assert.deepEqual(
      owners.map(({ name, bindings }: Record<string, unknown>) => ({ name, bindings })),
      [{ name: 'older', bindings: ['followed'] }],
    );
    await objects.delete('ArtifactBinding', 'followed');
    const at = '/api/v1/namespaces/web/pods/older';
    assert.equal((await cluster.request('DELETE', at, { gracePeriodSeconds: 0 })).status, 200);
  });

  it('give each container what is attached to its image, and refuse an image without a verified profile', async () => {
    const image = await push('app:1', ['execve']);
    const attached = await push('app:profile', ['read'], { subject: image });
    const bare = await push('bare:1', ['execve']);
    const named = (name: string, of: string) => ({ name, image: `${registry.host}/${of}` });
    const spec = {
      initContainers: [named('setup', `app@${image}`)],
      containers: [named('app', `app@${image}`), { name: 'proxy', image: 'envoyproxy/envoy:v1.31' }],
    };
    const imageReferrers = { profileFrom: 'ImageReferrers', ...everywhere, containers: ['setup', 'app'] };
    await objects.add('ClusterArtifactBinding', 'attached', imageReferrers);
    const unknown = /no verified profile is known for the image \S+\/app@sha256:\w+ yet\. Retry in 10 seconds if/;
    await refused(unknown, 503, spec);
    // No workload makes this pod: its image becomes known by what the message says.
    await refused(
      new RegExp(`create a ClusterProfileArtifact with spec.image: ${registry.host}/app@${image}`),
      503,
      spec,
    );
    for (const [name, of] of Object.entries({ app: `app@${image}`, bare: `bare@${bare}` }))
      await objects.add('ClusterProfileArtifact', name, { image: `${registry.host}/${of}` });
    await until('it is known', async () => (await dryRun(spec)).status === 201);
    const profile = `oci/${registry.host}/app@${attached}`;
    assert.deepEqual(await bound(spec), { ...all(profile), pod: undefined, proxy: undefined });
    const nothing = await objects.reachCondition('bare', 'Ready False NotFound', 'ClusterProfileArtifact');
    await until('it is known', async () => {
      const { body } = await dryRun({ containers: [named('app', `bare@${bare}`)] });
      return body.message?.includes(messageOf(nothing, 'Ready').replace(/\.$/, '')) ?? false;
    });
    await refused(/\/app:1 is named by its tag.*`crane digest /, 403, { containers: [named('app', 'app:1')] });
    await objects.delete('ClusterArtifactBinding', 'attached');
  });

  it('of SPO give the file of a profile that all nodes have, and replace none', async () => {
    const profileRef = { kind: 'SeccompProfile', name: 'web' };
    await objects.add('ProfileBinding', 'default', { profileRef, image: '*' });
    await refused(/SeccompProfile "web", which does not exist/);
    await objects.add('SeccompProfile', 'web', { defaultAction: 'SCMP_ACT_ERRNO' });
    await until('it is known', async () => /"web" is not installed/.test((await dryRun()).body.message ?? ''));
    const node = await cluster.request('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1' },
    });
    assert.equal(node.status, 201);
    const labels = { 'spo.x-k8s.io/profile-id': 'SeccompProfile-web' };
    await objects.add('SecurityProfileNodeStatus', 'web-n1', { nodeName: 'n1' }, { labels });
    await objects.merge('SecurityProfileNodeStatus', 'web-n1', { status: { status: 'Installed' } }, '/status');
    await until('it is bound', async () => (await dryRun()).status === 201);
    const file = 'operator/web.json';
    assert.deepEqual(await bound(), all(file));

    const own = { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } };
    const replaced = /ProfileBinding "default" specifies operator\/web\.json, but the pod asks for RuntimeDefault/;
    await refused(replaced, 403, { ...containers, ...own });
    await objects.add('ArtifactBinding', 'more', { reference: one, podSelector: {}, images: ['docker.io/**'] });
    assert.deepEqual(await bound(), { ...all(file), proxy: 'one' }, 'a default is the least specific of all');
    const envoy = { profileRef: { ...profileRef, name: 'absent' }, image: 'envoyproxy/envoy:v1.31' };
    await objects.add('ProfileBinding', 'envoy', envoy);
    await refused(/ProfileBinding "envoy" takes its profile from SeccompProfile "absent"/);
    await objects.delete('ProfileBinding', 'envoy', 'default');
    await objects.delete('ArtifactBinding', 'more');
    await objects.delete('SeccompProfile', 'web');
  });

  it('of the cluster bind the pods of a namespace from its beginning', async () => {
    const namespaceSelector = { matchLabels: { team: 'new' } };
    await objects.add('ClusterArtifactBinding', 'team', { reference: one, podSelector: {}, namespaceSelector });
    const labels = { team: 'new' };
    for (const name of ['new-1', 'new-2', 'new-3', 'new-4']) {
      await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
      // An informer of the namespaces may know it later.
      const { status, body } = await cluster.createPod('first', { namespace: name, query: '?dryRun=All' });
      assert.equal(status, 201, body.message);
      assert.equal(profilesOf(body)['app'], 'one');
    }
    await objects.delete('ClusterArtifactBinding', 'team');
  });

  it('are decided alike by two operators, while a binding changes as well', async () => {
    const second = await startOperator({
      ...{ kubeconfig: cluster.file('operator.kubeconfig'), listen: `127.0.0.1:${await freePort()}` },
      ...{ tlsCert: cluster.file('tls.crt'), tlsKey: cluster.file('tls.key'), log: pino({ level: 'silent' }) },
    });
    const others = cluster.webhooks('webhook.yaml').map((configuration) => {
      const { metadata } = configuration as unknown as { readonly metadata: { readonly name: string } };
      const text = JSON.stringify(configuration).replaceAll(cluster.address, second.address);
      return { ...JSON.parse(text), metadata: { ...metadata, name: `${metadata.name}-second` } } as Json;
    });
    try {
      for (const configuration of others) await cluster.apply(configuration);
      await objects.add('ArtifactBinding', 'race', { reference: one, podSelector: {} });
      const answers = Promise.all(
        Array.from({ length: 16 }, (_, i) => cluster.createPod(`race-${i}`, { spec: containers })),
      );
      await objects.merge('ArtifactBinding', 'race', { spec: { reference: two } });
      assert.deepEqual(await bound(), all('two'), 'what the API server has answered holds');
      for (const { status, body } of await answers) {
        // One of them has read the binding before the change, and one after it.
        if (status === 403) assert.match(body.message ?? '', /"race" specifies .*, but /);
        else assert.deepEqual([status, profilesOf(body)], [201, all(profilesOf(body)['pod'])], body.message);
      }
    } finally {
      for (const { kind, metadata } of others as unknown as { kind: string; metadata: { name: string } }[]) {
        const at = `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s/${metadata.name}`;
        assert.equal((await cluster.request('DELETE', at)).status, 200);
      }
      await second.stop();
    }
    await objects.delete('ArtifactBinding', 'race');
  });

  it('refuse pods while no operator answers; with failurePolicy Ignore, these run without, and are counted', async () => {
    await objects.add('ArtifactBinding', 'down', { reference: one, podSelector: {}, containers: ['app'] });
    const ignore = async (kind: string): Promise<void> => {
      const at = `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/fairlead-operator`;
      const patch = [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }];
      assert.equal((await cluster.api.request('PATCH', at, patch, 'application/json-patch+json')).status, 200);
    };
    const fails = async (webhook: string): Promise<boolean> => {
      const { status, body } = await dryRun();
      return status === 500 && (body.message?.includes(`failed calling webhook "${webhook}"`) ?? false);
    };
    const { address } = cluster;
    await cluster.stopOperator();
    assert.ok(await fails('pods.fairlead.dev'));
    for (const [kind, name] of [
      ['ArtifactBinding', 'other'],
      ['ProfileArtifact', 'other'],
      ['SeccompProfile', 'other'],
    ] as const) {
      const spec = kind === 'SeccompProfile' ? { defaultAction: 'SCMP_ACT_ERRNO' } : { reference: one };
      const { status, body } = await objects.create(kind, name, { ...spec, ...(kind.endsWith('Binding') && labelled) });
      assert.deepEqual([kind, status], [kind, 500], body.message);
      assert.match(body.message ?? '', /failed calling webhook "validate\.\w+\.fairlead\.dev"/);
    }
    await ignore('mutating');
    await until('the mutating webhook is ignored', () => fails('validate.pods.fairlead.dev'));
    await ignore('validating');
    await until('both are ignored', async () => (await dryRun()).status === 201);
    const { status, body } = await cluster.createPod('unbound', { labels: {} });
    assert.equal(status, 201, body.message);
    assert.deepEqual(profilesOf(body), { pod: undefined, app: undefined });
    assert.equal((await cluster.patchPod('unbound', { status: { phase: 'Running' } }, '/status')).status, 200);
    await cluster.startOperator(address);
    await objects.reach('ArtifactBinding', 'down', (object) => {
      const counts = object.status as unknown as { readonly outdatedPods?: number };
      return (counts?.outdatedPods ?? 0) > 0;
    });
    await objects.delete('ArtifactBinding', 'down');
    assert.deepEqual(await bound(), all(undefined));
  });
});
