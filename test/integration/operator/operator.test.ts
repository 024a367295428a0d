import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import {
  type Answer,
  type Json,
  manifest,
  OperatorCluster,
  type PodOptions,
  until,
} from '#test/support/operator-cluster';

const digest = `sha256:${'a1'.repeat(32)}`;
const reference = `registry.example.com/security/nginx@${digest}`;
const profile = { type: 'Localhost', localhostProfile: `oci/${reference}` };

/**
 * A pod that Pod Security admits at its level `restricted`, which the operator's namespace
 * enforces.
 */
const restricted = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      name: 'app',
      image: 'registry.example.com/app:1',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    },
  ],
};

describePeers(apiserverRequirements, 'the operator with a real kube-apiserver', () => {
  let cluster: OperatorCluster;
  before(async () => {
    cluster = await OperatorCluster.start();
  });
  after(() => cluster?.stop());

  const bind = (name: string, spec: object): Promise<Answer> => cluster.bind(name, spec);
  const unbind = (name: string): Promise<void> => cluster.unbind(name);
  const createPod = (name: string, options: PodOptions = {}): Promise<Answer> => cluster.createPod(name, options);
  const selector = { podSelector: { matchLabels: { app: 'nginx' } } };

  it('knows only bindings that are pinned to a digest and name their pods', async () => {
    const refused: [object, RegExp][] = [
      [{ ...selector, reference: 'registry.example.com/security/nginx:1.27' }, /spec\.reference/],
      [{ ...selector, reference: `nginx@${digest}` }, /spec\.reference/],
      [{ ...selector, reference: `registry.example.com/Security/nginx@${digest}` }, /spec\.reference/],
      [{ ...selector, reference: `registry.example.com/${'a'.repeat(300)}@${digest}` }, /spec\.reference/],
      [{ ...selector, reference, base: '../etc/passwd' }, /spec\.base/],
      [{ ...selector, reference, kind: 'AppArmor' }, /spec\.kind/],
      [{ reference }, /spec\.podSelector/],
      [selector, /exactly one of reference/],
      [{ reference, podSelector: { matchExpressions: [{ key: 'app', operator: 'In' }] } }, /matchExpressions/],
      [
        { reference, podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists', values: ['x'] }] } },
        /matchExpressions/,
      ],
      [{ reference, podSelector: { matchExpressions: [{ key: 'app', operator: 'Is', values: ['x'] }] } }, /operator/],
    ];
    for (const [spec, message] of refused) {
      const { status, body } = await bind('bad', spec);
      assert.ok([422, 403].includes(status), JSON.stringify(spec));
      assert.match(body.message ?? '', message);
    }
    const expressions = [
      { key: 'app', operator: 'NotIn', values: ['envoy'] },
      { key: 'app', operator: 'Exists' },
    ];
    const good = await bind('good', { reference, podSelector: { matchExpressions: expressions } });
    assert.equal(good.status, 201, good.body.message);
    assert.equal((good.body.spec as unknown as Json)['kind'], 'Seccomp');
    await unbind('good');
  });

  it('lets bindings select by what labels can be, and by nothing else', async () => {
    const keys = ['app', 'example.com/app', 'a/b/c', 'app ', 'app:', '-a', 'a.', 'Example.com/a', 'a'.repeat(64)];
    const values = ['nginx', '1.2-3_x', 'a b', 'app=x', '-a', 'a/b', 'a'.repeat(63)];
    const pairs = [...keys.map((key) => [key, 'x'] as const), ...values.map((value) => ['app', value] as const)];
    await until('bindings are judged', async () => {
      const { status, body } = await bind('wrong', { reference, podSelector: {}, base: 'localhost/x.json' });
      if (status === 201) await unbind('wrong');
      return status === 403 && /"wrong": spec\.base: .*without the prefix localhost\//.test(body.message ?? '');
    });
    for (const [key, value] of pairs) {
      const { status } = await createPod('labelled', {
        namespace: 'default',
        labels: { [key]: value },
        query: '?dryRun=All',
      });
      const binding = await bind('labelled', { reference, podSelector: { matchLabels: { [key]: value } } });
      assert.deepEqual([key, value, binding.status], [key, value, status === 201 ? 201 : 403], binding.body.message);
      if (binding.status === 201) await unbind('labelled');
    }
  });

  it('writes the reference into a matching pod, from the first moment of a binding', async () => {
    for (let round = 0; round < 20; round++) {
      assert.equal((await bind('nginx', { reference, ...selector })).status, 201);
      const { status, body } = await createPod(`bound-${round}`, { query: '?dryRun=All' });
      assert.equal(status, 201, body.message);
      assert.deepEqual(body.spec.securityContext?.seccompProfile, profile);
      await unbind('nginx');
      const free = await createPod(`free-${round}`, { query: '?dryRun=All' });
      assert.equal(free.body.spec.securityContext?.seccompProfile, undefined);
    }
  });

  it('binds containers of every sort, also where they say RuntimeDefault by field or annotation', async () => {
    await bind('nginx', { reference, ...selector });
    const runtimeDefault = { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } };
    const image = 'registry.example.com/app:1';
    const { status, body } = await createPod('bound', {
      annotations: {
        'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default',
        'container.seccomp.security.alpha.kubernetes.io/app': 'docker/default',
      },
      spec: {
        initContainers: [{ name: 'init', image, ...runtimeDefault }],
        containers: [
          { name: 'app', image },
          { name: 'side', image, ...runtimeDefault },
        ],
      },
    });
    assert.equal(status, 201, body.message);
    const { annotations } = (await cluster.pod('bound')).metadata;
    assert.equal(annotations?.['fairlead.dev/bound-by'], 'nginx');
    // The pod asks for RuntimeDefault, and its containers with it.
    const defaulted = { ...profile, localhostProfile: `${profile.localhostProfile}?base=RuntimeDefault` };
    for (const place of [body.spec, ...(body.spec.initContainers ?? []), ...body.spec.containers]) {
      assert.deepEqual(place.securityContext?.seccompProfile, defaulted);
    }
    await unbind('nginx');
  });

  it('binds a pod that is created by server-side apply, or under a name that the API server makes', async () => {
    await bind('nginx', { reference, ...selector });
    const pod = (metadata: object, securityContext = {}) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { labels: { app: 'nginx' }, ...metadata },
      spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1', securityContext }] },
    });
    const apply = (name: string, securityContext?: object) =>
      cluster.api.request(
        'PATCH',
        `/api/v1/namespaces/web/pods/${name}?fieldManager=tenant`,
        pod({ name }, securityContext),
        'application/apply-patch+yaml',
      ) as Promise<Answer>;
    const created = [
      await apply('applied'),
      await cluster.request('POST', '/api/v1/namespaces/web/pods', pod({ generateName: 'made-' })),
    ];
    for (const { status, body } of created) {
      assert.equal(status, 201, body.message);
      assert.deepEqual(body.spec.containers[0]?.securityContext?.seccompProfile, profile);
    }
    assert.equal((await apply('applied')).status, 200, 'applied again, it stays as it is');
    assert.equal((await apply('loose', { privileged: true })).status, 403);
    await unbind('nginx');
  });

  it('writes the base after the reference', async () => {
    await bind('based', { reference, ...selector, base: 'profiles/base.json' });
    const { body } = await createPod('based');
    assert.deepEqual(body.spec.securityContext?.seccompProfile, {
      type: 'Localhost',
      localhostProfile: `oci/${reference}?base=localhost/profiles/base.json`,
    });
    await unbind('based');
  });

  it('leaves other pods alone: other labels, other namespaces', async () => {
    await bind('nginx', { reference, ...selector });
    const annotations = { 'container.seccomp.security.alpha.kubernetes.io/app': 'unconfined' };
    const envoy = await createPod('envoy', { labels: { app: 'envoy' }, annotations });
    assert.equal(envoy.status, 201, envoy.body.message);
    assert.equal(envoy.body.metadata.annotations?.['fairlead.dev/bound-by'], undefined);
    const elsewhere = await createPod('nginx', { namespace: 'default' });
    assert.equal(elsewhere.status, 201, elsewhere.body.message);
    assert.equal(elsewhere.body.spec.securityContext?.seccompProfile, undefined);
    await unbind('nginx');
  });

  it('refuses a pod whose bindings disagree, naming both', async () => {
    await bind('one', { reference, ...selector });
    await bind('two', {
      reference: reference.replace('nginx', 'other'),
      podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] },
    });
    const { status, body } = await createPod('torn');
    assert.equal(status, 403);
    assert.match(
      body.message ?? '',
      /pods\.fairlead\.dev.*"one" specifies oci\/.*nginx@.*"two" specifies oci\/.*other@/,
    );
    await unbind('one');
    await unbind('two');
  });

  it('refuses a pod that contradicts its binding', async () => {
    await bind('nginx', { reference, ...selector });
    const image = 'registry.example.com/app:1';
    const contradictions: [{ annotations?: object; spec?: object }, RegExp][] = [
      [{ spec: { securityContext: { seccompProfile: { type: 'Unconfined' } } } }, /the pod specifies Unconfined/],
      [{ spec: { containers: [{ name: 'app', image, securityContext: { privileged: true } }] } }, /is privileged/],
      [
        { annotations: { 'container.seccomp.security.alpha.kubernetes.io/app': 'unconfined' } },
        /container "app" specifies Unconfined/,
      ],
    ];
    for (const [pod, message] of contradictions) {
      const { status, body } = await createPod('contradiction', pod);
      assert.equal(status, 403);
      assert.match(body.message ?? '', message);
    }
    await unbind('nginx');
  });

  it('admits no pod of its namespaces while it is down, and others as before', async () => {
    const { address } = cluster;
    await cluster.stopOperator();
    const { status, body } = await createPod('orphan', { labels: {} });
    assert.equal(status, 500);
    assert.match(body.message ?? '', /pods\.fairlead\.dev/);
    const own = await createPod('own', { namespace: 'fairlead-system', spec: restricted });
    assert.equal(own.status, 201, own.body.message);

    await cluster.startOperator(address);
    await until('pods are admitted again', async () => (await createPod('after')).status === 201);
  });

  it('admits no pod while bindings cannot be listed, and reports why', async () => {
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/fairlead-operator';
    const [, , roleBinding] = manifest('rbac.yaml');
    assert.equal((await cluster.request('DELETE', role)).status, 200);
    await until(
      'the operator may list no more',
      async () => (await createPod('x', { query: '?dryRun=All' })).status === 500,
    );
    const { body } = await createPod('x');
    assert.match(body.message ?? '', /cannot list the \w+Bindings.*: .* 403.*deploy\/operator\/rbac\.yaml/);
    await cluster.apply(roleBinding as Json);
    await until('pods are admitted again', async () => (await createPod('allowed')).status === 201);
  });
});
