import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { parse, parseAllDocuments } from 'yaml';
import { type Operator, startOperator } from '#operator/operator';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';

const deploy = fileURLToPath(new URL('../../deploy/operator/', import.meta.url));
const digest = `sha256:${'a1'.repeat(32)}`;
const reference = `registry.example.com/security/nginx@${digest}`;
const profile = { type: 'Localhost', localhostProfile: `oci/${reference}` };

/** A pod that Pod Security admits at its level `restricted`, which the operator's namespace enforces. */
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

type Json = Record<string, unknown>;

/** The part of a pod, or of a Status, that the assertions read. */
interface Answered {
  readonly metadata: { readonly annotations?: Record<string, string> };
  readonly spec: {
    readonly securityContext?: { readonly seccompProfile?: object };
    readonly initContainers?: readonly { readonly securityContext?: { readonly seccompProfile?: object } }[];
    readonly containers: readonly { readonly securityContext?: { readonly seccompProfile?: object } }[];
  };
  readonly message?: string;
}

const paths: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  Service: '/api/v1/namespaces/NS/services',
  ServiceAccount: '/api/v1/namespaces/NS/serviceaccounts',
  Deployment: '/apis/apps/v1/namespaces/NS/deployments',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  MutatingWebhookConfiguration: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
};

describePeers(apiserverRequirements, 'the operator with a real kube-apiserver', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-operator-'));
  let api: Apiserver;
  let operator: Operator;
  const kubeconfig = path.join(folder, 'operator.kubeconfig');
  const start = (listen: string) =>
    startOperator({
      kubeconfig,
      listen,
      tlsCert: path.join(folder, 'tls.crt'),
      tlsKey: path.join(folder, 'tls.key'),
      log: pino({ level: 'fatal' }),
    });

  const request = async (method: string, at: string, body?: object): Promise<{ status: number; body: Answered }> =>
    (await api.request(method, at, body)) as { status: number; body: Answered };
  const documents = (file: string): Json[] =>
    parseAllDocuments(readFileSync(path.join(deploy, file), 'utf8')).map((document) => document.toJS());
  const apply = async (document: Json): Promise<void> => {
    const { namespace = '' } = document['metadata'] as { namespace?: string };
    const at = paths[document['kind'] as string]?.replace('NS', namespace) ?? '';
    const { status, body } = await request('POST', at, document);
    assert.equal(status, 201, `${document['kind']}: ${body.message}`);
  };
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + 20_000;
    while (!(await holds())) {
      assert.ok(Date.now() < deadline, `${what}: not within 20 s`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  const bindings = '/apis/fairlead.dev/v1alpha1/namespaces/web/artifactbindings';
  const bind = (name: string, spec: object) =>
    request('POST', bindings, {
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'ArtifactBinding',
      metadata: { name },
      spec,
    });
  const unbind = async (name: string) => assert.equal((await request('DELETE', `${bindings}/${name}`)).status, 200);
  const createPod = (
    name: string,
    given: { labels?: object; annotations?: object; spec?: object; query?: string; namespace?: string } = {},
  ) =>
    request('POST', `/api/v1/namespaces/${given.namespace ?? 'web'}/pods${given.query ?? ''}`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: given.labels ?? { app: 'nginx' }, annotations: given.annotations ?? {} },
      spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1' }], ...given.spec },
    });
  const selector = { podSelector: { matchLabels: { app: 'nginx' } } };

  before(async () => {
    execFileSync(path.join(deploy, 'certificate.sh'), [folder, 'IP:127.0.0.1']);
    api = await startApiserver();
    for (const file of ['namespace.yaml', 'rbac.yaml', 'crd.yaml', 'deployment.yaml']) {
      for (const document of documents(file)) await apply(document);
    }
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } });
    await until('the CRD is served', async () => (await request('GET', bindings)).status === 200);

    // The operator has no more rights here than its ServiceAccount has in a cluster.
    const config = parse(readFileSync(api.kubeconfig, 'utf8'));
    config.users[0].user.as = 'system:serviceaccount:fairlead-system:fairlead-operator';
    writeFileSync(kubeconfig, JSON.stringify(config));
    operator = await start('127.0.0.1:0');

    const [configuration] = documents('webhook.yaml');
    assert.ok(configuration);
    const [webhook] = configuration['webhooks'] as [{ clientConfig: { service: { path: string } } }];
    const { service } = webhook.clientConfig;
    const clientConfig = {
      url: `https://${operator.address}${service.path}`,
      caBundle: readFileSync(path.join(folder, 'ca.crt')).toString('base64'),
    };
    await apply({ ...configuration, webhooks: [{ ...webhook, clientConfig }] });
    // An API server takes up a new webhook a moment after it has answered.
    assert.equal((await bind('probe', { reference, podSelector: {} })).status, 201);
    await until('the webhook is called', async () => {
      const { body } = await createPod('probe', { query: '?dryRun=All' });
      return body.spec.securityContext?.seccompProfile !== undefined;
    });
    await unbind('probe');
  });

  after(async () => {
    await operator?.stop();
    await api?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('knows only bindings that are pinned to a digest and name their pods', async () => {
    const refused: [object, RegExp][] = [
      [{ ...selector, reference: 'registry.example.com/security/nginx:1.27' }, /spec\.reference/],
      [{ ...selector, reference: `nginx@${digest}` }, /spec\.reference/],
      [{ ...selector, reference: `registry.example.com/Security/nginx@${digest}` }, /spec\.reference/],
      [{ ...selector, reference: `registry.example.com/${'a'.repeat(300)}@${digest}` }, /spec\.reference/],
      [{ ...selector, reference, base: '../etc/passwd' }, /spec\.base/],
      [{ ...selector, reference, kind: 'AppArmor' }, /spec\.kind/],
      [{ reference }, /spec\.podSelector/],
      [selector, /spec\.reference/],
      [{ reference, podSelector: { matchExpressions: [{ key: 'app', operator: 'In' }] } }, /matchExpressions/],
      [
        { reference, podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists', values: ['x'] }] } },
        /matchExpressions/,
      ],
      [{ reference, podSelector: { matchExpressions: [{ key: 'app', operator: 'Is', values: ['x'] }] } }, /operator/],
    ];
    for (const [spec, message] of refused) {
      const { status, body } = await bind('bad', spec);
      assert.equal(status, 422, JSON.stringify(spec));
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
    const defaulted = { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } };
    const image = 'registry.example.com/app:1';
    const { status, body } = await createPod('bound', {
      annotations: {
        'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default',
        'container.seccomp.security.alpha.kubernetes.io/app': 'docker/default',
      },
      spec: {
        initContainers: [{ name: 'init', image, ...defaulted }],
        containers: [
          { name: 'app', image },
          { name: 'side', image, ...defaulted },
        ],
      },
    });
    assert.equal(status, 201, body.message);
    const { annotations } = (await request('GET', '/api/v1/namespaces/web/pods/bound')).body.metadata;
    assert.equal(annotations?.['fairlead.dev/bound-by'], 'nginx');
    for (const place of [body.spec, ...(body.spec.initContainers ?? []), ...body.spec.containers]) {
      assert.deepEqual(place.securityContext?.seccompProfile, profile);
    }
    await unbind('nginx');
  });

  it('writes the base after the reference', async () => {
    await bind('based', { reference, ...selector, base: 'profiles/base.json' });
    const { body } = await createPod('based');
    assert.deepEqual(body.spec.securityContext?.seccompProfile, {
      type: 'Localhost',
      localhostProfile: `oci/${reference}?base=profiles/base.json`,
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
    await bind('two', { reference: reference.replace('nginx', 'other'), podSelector: {} });
    const { status, body } = await createPod('torn');
    assert.equal(status, 403);
    assert.match(body.message ?? '', /pods\.fairlead\.dev.*"one" says oci\/.*nginx@.*"two" says oci\/.*other@/);
    await unbind('one');
    await unbind('two');
  });

  it('refuses a pod that contradicts its binding', async () => {
    await bind('nginx', { reference, ...selector });
    const image = 'registry.example.com/app:1';
    const contradictions: [{ annotations?: object; spec?: object }, RegExp][] = [
      [{ spec: { securityContext: { seccompProfile: { type: 'Unconfined' } } } }, /the pod says Unconfined/],
      [{ spec: { containers: [{ name: 'app', image, securityContext: { privileged: true } }] } }, /is privileged/],
      [
        { annotations: { 'container.seccomp.security.alpha.kubernetes.io/app': 'unconfined' } },
        /container "app" says Unconfined/,
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
    const { address } = operator;
    await operator.stop();
    const { status, body } = await createPod('orphan', { labels: {} });
    assert.equal(status, 500);
    assert.match(body.message ?? '', /pods\.fairlead\.dev/);
    const own = await createPod('own', { namespace: 'fairlead-system', spec: restricted });
    assert.equal(own.status, 201, own.body.message);

    operator = await start(address);
    await until('pods are admitted again', async () => (await createPod('after')).status === 201);
  });

  it('admits no pod while bindings cannot be listed, and says why', async () => {
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/fairlead-operator';
    const [, , roleBinding] = documents('rbac.yaml');
    assert.equal((await request('DELETE', role)).status, 200);
    await until(
      'the operator may list no more',
      async () => (await createPod('x', { query: '?dryRun=All' })).status === 500,
    );
    const { body } = await createPod('x');
    assert.match(
      body.message ?? '',
      /cannot list the ArtifactBindings of namespace web: .* 403.*deploy\/operator\/rbac\.yaml/,
    );
    await apply(roleBinding as Json);
    await until('pods are admitted again', async () => (await createPod('allowed')).status === 201);
  });
});
