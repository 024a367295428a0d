import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import { bindingMarker } from '#operator/kube/binding-marker';
import { apiserverRequirements } from '#test/peers/apiserver';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { launcher, run, runFairlead } from '#test/support/cli/run';
import { type Answered, OperatorCluster, until } from '#test/support/operator-cluster';

const nginx = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
const other = nginx.replace('nginx', 'other');
const bindings = '/apis/fairlead.dev/v1alpha1/namespaces/web/artifactbindings';
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

const selector = { podSelector: { matchLabels: { app: 'nginx' } } };

describePeers([...apiserverRequirements, 'kubectl'], 'what pods run under, in a cluster', () => {
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
      namespaces.map(({ namespace, pods, covered, outdated, enforce }: Record<string, unknown>) => [
        namespace,
        pods,
        covered,
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
    // The label alone makes no marker: this one decides in admission.
    const metadata = { name: 'unused', labels: { 'fairlead.dev/marker': 'true' } };
    const labelled = { ...document, metadata, spec: { reference: other, podSelector } };
    assert.equal((await cluster.request('POST', bindings, labelled)).status, 201);
    const hasStatus = async (): Promise<boolean> =>
      ((await cluster.request('GET', `${bindings}/unused`)).body as { readonly status?: object }).status !== undefined;
    await until('the labelled binding has a status', hasStatus);
    const [listed, unused, waiting, ...others] = (await ask('bindings')).bindings;
    assert.deepEqual(others, []);
    assert.deepEqual([unused.name, unused.pods, unused.profiles], ['unused', 0, [`oci/${other}`]]);
    assert.match(waiting.problem, /ProfileArtifact "web\/absent", which does not exist\. Create it/);
    assert.deepEqual([listed.name, listed.pods, listed.outdated, listed.profiles], ['nginx', 2, 1, [`oci/${nginx}`]]);
    assert.deepEqual((await ask('outdated')).owners, [
      { namespace: 'web', kind: 'Pod', name: 'old', pods: ['old'], bindings: ['nginx'], note: 'create it again' },
    ]);
  });

  it('is refused for new pods of bindings that are equally specific, which their status states without a pod', async () => {
    const podSelector = { matchLabels: { app: 'contested' } };
    assert.equal((await cluster.bind('one', { reference: nginx, podSelector })).status, 201);
    assert.equal((await cluster.bind('two', { reference: other, podSelector })).status, 201);
    const readiness = async (name: string) => {
      const { body } = await cluster.request('GET', `${bindings}/${name}`);
      const { conditions = [] } =
        (body as unknown as { readonly status?: { readonly conditions?: Condition[] } }).status ?? {};
      return conditions.find(({ type }) => type === 'Ready');
    };
    for (const name of ['one', 'two']) {
      await until(`${name} states the conflict`, async () => (await readiness(name))?.reason === 'Conflict');
      const { status, message = '' } = (await readiness(name)) ?? {};
      assert.equal(status, 'False');
      assert.match(message, /ArtifactBinding "one" specifies .*, ArtifactBinding "two" specifies /);
    }
    const { status, body } = await cluster.createPod('contested', { labels: podSelector.matchLabels });
    assert.equal(status, 403, body.message);
    const listed = (await ask('bindings')).bindings.filter(({ name }: { name: string }) =>
      ['one', 'two'].includes(name),
    );
    assert.deepEqual(
      listed.map(({ name, conflictsWith }: Record<string, unknown>) => [name, conflictsWith]),
      [
        ['one', ['two']],
        ['two', ['one']],
      ],
    );
    const text = await runFairlead(['cluster', 'bindings', '-n', 'web', '--kubeconfig', cluster.api.kubeconfig]);
    assert.match(text.stdout, /^web +ArtifactBinding\/one +.*; conflicts with two$/m);
    await cluster.unbind('two');
    await cluster.unbind('one');
    assert.equal((await cluster.bind('one', { reference: nginx, podSelector })).status, 201);
    await until('one is bound', async () => (await readiness('one'))?.reason === 'Bound');
    assert.match((await readiness('one'))?.message ?? '', /does not verify the artifact of spec\.reference/);

    const image = `ghcr.io/acme/app@sha256:${'b2'.repeat(32)}`;
    const images = { profileFrom: 'ImageReferrers', images: ['ghcr.io/acme/app'], podSelector };
    assert.equal((await cluster.bind('two', images)).status, 201);
    await until('two is not ready', async () => (await readiness('two'))?.reason === 'ProfileNotReady');
    assert.match((await readiness('two'))?.message ?? '', /no verified profile of an image is known yet/);
    const artifacts = '/apis/fairlead.dev/v1alpha1/namespaces/web/profileartifacts';
    const [kind, metadata] = ['ProfileArtifact', { name: 'attached' }];
    const document = { apiVersion: 'fairlead.dev/v1alpha1', kind, metadata, spec: { image } };
    assert.equal((await cluster.request('POST', artifacts, document)).status, 201);
    assert.match(
      (await ask('bindings')).bindings.find(({ name }: { name: string }) => name === 'two').problem,
      /no verified/,
    );
    for (const name of ['one', 'two']) await cluster.unbind(name);
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

  it('prints commands that replace outdated pods, and a note where no command does', async () => {
    const namespace = 'rollouts';
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const at = (group: string, plural: string) =>
      `/${group === 'v1' ? 'api' : 'apis'}/${group}/namespaces/rollouts/${plural}`;
    const send = async (path: string, body: object): Promise<Answered> => {
      const answer = await cluster.request('POST', path, body);
      assert.equal(answer.status, 201, answer.body.message);
      return answer.body;
    };
    const labels = { app: 'nginx' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app' }] } };
    const metadata = { name: 'own' };
    const spec = { selector: { matchLabels: labels }, template };
    await send(at('apps/v1', 'deployments'), { metadata, spec });
    await send(at('apps/v1', 'statefulsets'), { metadata, spec: { ...spec, serviceName: 'own' } });
    await send(at('apps/v1', 'daemonsets'), { metadata, spec });
    const owned = (apiVersion: string, kind: string, name = 'own') => [
      { apiVersion, kind, name, uid: 'none', controller: true },
    ];
    const restartPolicy = 'Never';
    const touched = cluster.file('touched');
    const hostile = `x; touch ${touched} #`;
    for (const [name, ownerReferences] of [
      ['once', []],
      ['backup-1', owned('batch/v1', 'CronJob', 'backup')],
    ] as const) {
      const job = { template: { ...template, spec: { ...template.spec, restartPolicy } } };
      await send(at('batch/v1', 'jobs'), { metadata: { name, ownerReferences }, spec: job });
    }
    for (const [name, ownerReferences, hash] of [
      ['deployed', owned('apps/v1', 'ReplicaSet', 'own-abc'), { 'pod-template-hash': 'abc' }],
      ['stateful', owned('apps/v1', 'StatefulSet')],
      ['daemon', owned('apps/v1', 'DaemonSet')],
      ['replica', owned('apps/v1', 'ReplicaSet', 'plain')],
      ['controlled', owned('v1', 'ReplicationController')],
      ['once', owned('batch/v1', 'Job', 'once')],
      ['backup', owned('batch/v1', 'Job', 'backup-1')],
      ['bare', []],
      ['hostile', owned('apps/v1', 'Deployment', hostile)],
    ] as const) {
      const pod = { ...template, metadata: { name, labels: { ...labels, ...hash }, ownerReferences } };
      await send(at('v1', 'pods'), pod);
      const path = `${at('v1', 'pods')}/${name}/status`;
      const patch = { status: { phase: 'Running' } };
      assert.equal((await cluster.api.request('PATCH', path, patch, 'application/merge-patch+json')).status, 200);
    }
    assert.equal((await cluster.bind('nginx', { reference: nginx, ...selector }, namespace)).status, 201);
    const config = ['--kubeconfig', cluster.api.kubeconfig];
    const { code, stdout, stderr } = await runFairlead(['cluster', 'outdated', '-n', namespace, ...config]);
    assert.equal(code, 0, stderr);
    const lines = stdout.trim().split('\n');
    assert.deepEqual(
      Object.fromEntries(
        lines.flatMap((line, index) => (index % 2 === 0 ? [[line.slice(2).split(':')[0], lines[index + 1]]] : [])),
      ),
      {
        'CronJob rollouts/backup': '# its next run gets the profile',
        'DaemonSet rollouts/own': 'kubectl -n rollouts rollout restart daemonset/own',
        'Deployment rollouts/own': 'kubectl -n rollouts rollout restart deployment/own',
        [`Deployment rollouts/${hostile}`]: '# create its pods again',
        'Job rollouts/once': '# wait until it has ended, or create it again',
        'Pod rollouts/bare': '# create it again',
        'ReplicaSet rollouts/plain': 'kubectl -n rollouts delete pod replica',
        'ReplicationController rollouts/own': 'kubectl -n rollouts delete pod controlled',
        'StatefulSet rollouts/own': 'kubectl -n rollouts rollout restart statefulset/own',
      },
    );
    const program = path.dirname(peer('kubectl'));
    const env = { ...process.env, PATH: `${program}:${process.env['PATH']}`, KUBECONFIG: cluster.api.kubeconfig };
    await promisify(execFile)('sh', ['-e', '-c', stdout], { env });
    assert.ok(!existsSync(touched));
    for (const plural of ['deployments', 'statefulsets', 'daemonsets']) {
      const { body } = await cluster.request('GET', `${at('apps/v1', plural)}/own`);
      const { annotations = {} } = (body.spec as unknown as { readonly template: Answered }).template.metadata;
      assert.ok('kubectl.kubernetes.io/restartedAt' in annotations, plural);
    }
    for (const name of ['replica', 'controlled']) {
      assert.equal((await cluster.request('GET', `${at('v1', 'pods')}/${name}`)).status, 404, name);
    }
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
    const missing = await why('absent', '--kubeconfig', cluster.api.kubeconfig);
    assert.deepEqual([missing.code, missing.stdout], [7, '']);
    assert.match(missing.stderr, /no pod web\/absent\n.*\nhint: .*kubectl get pods -n web/);
    const nowhere = await why('old');
    assert.equal(nowhere.code, 2);
    assert.match(
      nowhere.stderr,
      /no kubeconfig: neither KUBECONFIG nor ~\/\.kube\/config exists\nhint: .*--kubeconfig/,
    );
  });
});
