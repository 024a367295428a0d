import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { failed, run, succeeded } from '#test/support/cli/run';
import { chartDirectory, exampleImage, helm, type Installed, readManifests, rendered } from '#test/support/helm/chart';

const deploy = fileURLToPath(new URL('../../../deploy/', import.meta.url));

interface PodSpec {
  readonly containers: readonly Readonly<Record<string, unknown>>[];
  readonly volumes: readonly { readonly name: string }[];
  readonly [field: string]: unknown;
}

const podOf = (objects: ReadonlyMap<string, Installed>): PodSpec => {
  const { spec } = objects.get('Deployment fairlead-operator') as unknown as {
    readonly spec: { readonly template: { readonly spec: PodSpec } };
  };
  return spec.template.spec;
};
const volumeOf = (objects: ReadonlyMap<string, Installed>, name: string) =>
  podOf(objects).volumes.find((volume) => volume.name === name);
const containerOf = (objects: ReadonlyMap<string, Installed>) => podOf(objects).containers[0] ?? {};

/** Returns an object without what only Helm reads. */
function withoutHelm({ metadata: { annotations, ...metadata }, ...object }: Installed): object {
  const { 'helm.sh/resource-policy': _, ...others } = annotations ?? {};
  return { ...object, metadata: Object.keys(others).length === 0 ? metadata : { ...metadata, annotations: others } };
}

const byName = (objects: ReadonlyMap<string, Installed>) =>
  Object.fromEntries([...objects].map(([name, object]) => [name, withoutHelm(object)]));

describePeers(['helm', 'kubectl'], 'the chart', () => {
  it('has no fault that helm lint finds', async () => {
    succeeded(await helm(['lint', '--strict', chartDirectory], exampleImage));
  });

  it('installs the same objects as install.yaml and the base for kustomize', async () => {
    const plain = byName(readManifests(readFileSync(`${deploy}install.yaml`, 'utf8')));
    assert.ok(Object.keys(plain).length > 20);
    assert.deepEqual(byName(await rendered()), plain);
    const base = await run(peer('kubectl'), ['kustomize', `${deploy}operator`]);
    const objects = readManifests(succeeded(base));
    assert.deepEqual(byName(objects), plain);
    // kustomize writes them in an order in which they can be applied.
    const kinds = [...objects.values()].map(({ kind }) => kind);
    assert.equal(kinds[0], 'Namespace');
    assert.deepEqual(kinds.slice(-2), ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);
  });

  it('keeps the namespace and the APIs, and nothing else, when it is uninstalled', async () => {
    for (const { kind, metadata } of (await rendered()).values()) {
      const policy = ['Namespace', 'CustomResourceDefinition'].includes(kind) ? 'keep' : undefined;
      assert.equal(metadata.annotations?.['helm.sh/resource-policy'], policy, `${kind} ${metadata.name}`);
    }
  });

  it('runs the image that the values name', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    for (const [image, expected] of [
      [{ tag: '1.2.3' }, 'registry.example.com/fairlead:1.2.3'],
      [{ digest }, `registry.example.com/fairlead@${digest}`],
      [{ tag: '1.2.3', digest }, `registry.example.com/fairlead:1.2.3@${digest}`],
      [{ repository: 'localhost:5000/f' }, /^localhost:5000\/f:\d/],
    ] as const) {
      const found = containerOf(await rendered({ image: { ...exampleImage.image, ...image } }))['image'] as string;
      if (typeof expected === 'string') assert.equal(found, expected);
      else assert.match(found, expected);
    }
    const objects = await rendered({ image: { ...exampleImage.image, pullPolicy: 'Always', pullSecrets: ['a', 'b'] } });
    assert.equal(containerOf(objects)['imagePullPolicy'], 'Always');
    assert.deepEqual(podOf(objects)['imagePullSecrets'], [{ name: 'a' }, { name: 'b' }]);
  });

  it('writes each other value into the objects', async () => {
    const pod = {
      nodeSelector: { pool: 'infra' },
      tolerations: [{ key: 'infra', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'high',
    };
    const resources = { requests: { cpu: 1, memory: '1Gi' }, limits: { memory: '1Gi' } };
    const objects = await rendered({
      ...pod,
      resources,
      replicas: 1,
      webhooks: false,
      namespaceLabels: { 'istio-injection': 'disabled', 'pod-security.kubernetes.io/enforce': 'baseline' },
      extraArgs: ['--shutdown-delay=9'],
    });
    const deployed = podOf(objects);
    assert.deepEqual(deployed['nodeSelector'], { 'kubernetes.io/os': 'linux', ...pod.nodeSelector });
    assert.deepEqual(deployed['tolerations'], pod.tolerations);
    assert.deepEqual((deployed['affinity'] as typeof pod.affinity).nodeAffinity, {});
    assert.equal(deployed['priorityClassName'], pod.priorityClassName);
    assert.deepEqual(containerOf(objects)['resources'], resources);
    assert.equal((containerOf(objects)['args'] as readonly string[]).at(-1), '--shutdown-delay=9');
    // One replica can be evicted: with a budget of one, no node could be drained.
    assert.equal(objects.has('PodDisruptionBudget fairlead-operator'), false);
    assert.ok([...objects.values()].every(({ kind }) => !kind.endsWith('WebhookConfiguration')));
    assert.deepEqual(objects.get('Namespace fairlead-system')?.metadata.labels, {
      'kubernetes.io/metadata.name': 'fairlead-system',
      'pod-security.kubernetes.io/enforce': 'baseline',
      'istio-injection': 'disabled',
    });
  });

  it('mounts a trust policy, and replaces the pods when it changes', async () => {
    const policy = {
      apiVersion: 'fairlead.dev/v1',
      kind: 'TrustPolicy',
      rules: [{ match: '**', require: [{ key: 'a.pub' }] }],
    };
    const files = { 'a.pub': '-----BEGIN PUBLIC KEY-----\n{{ no action }}\n' };
    const objects = await rendered({ trustPolicy: { policy, files } });
    const { data } = objects.get('ConfigMap fairlead-operator-policy') as unknown as { data: Record<string, string> };
    assert.deepEqual(parse(data['policy.yaml'] ?? ''), policy);
    assert.equal(data['a.pub'], files['a.pub']);
    assert.ok(
      (containerOf(objects)['args'] as readonly string[]).includes('--policy=/etc/fairlead/policy/policy.yaml'),
    );
    assert.ok(podOf(objects).volumes.some(({ name }) => name === 'policy'));
    const sum = (found: ReadonlyMap<string, Installed>) => JSON.stringify(found.get('Deployment fairlead-operator'));
    assert.notEqual(sum(objects), sum(await rendered({ trustPolicy: { policy, files: { 'a.pub': 'other' } } })));
    assert.equal((await rendered()).has('ConfigMap fairlead-operator-policy'), false);
  });

  it('demands client certificates with the authorities of a Secret', async () => {
    const objects = await rendered({ clientCASecret: 'api-servers' });
    assert.ok((containerOf(objects)['args'] as readonly string[]).includes('--client-ca=/etc/fairlead/clients/ca.crt'));
    assert.deepEqual(volumeOf(objects, 'clients'), {
      name: 'clients',
      secret: { secretName: 'api-servers', optional: false, defaultMode: 288 },
    });
  });

  it('takes certificates from cert-manager, and has them injected wherever the operator would', async () => {
    const objects = await rendered({
      certManager: { enabled: true, issuerRef: { name: 'ca', kind: 'ClusterIssuer' } },
    });
    const { spec } = objects.get('Certificate fairlead-operator') as unknown as { spec: Record<string, unknown> };
    assert.deepEqual(spec['issuerRef'], { name: 'ca', kind: 'ClusterIssuer' });
    const args = containerOf(objects)['args'] as readonly string[];
    assert.deepEqual(args.slice(-2), ['--tls-cert=/etc/fairlead/tls/tls.crt', '--tls-key=/etc/fairlead/tls/tls.key']);
    assert.deepEqual(volumeOf(objects, 'tls'), {
      name: 'tls',
      secret: { secretName: spec['secretName'], defaultMode: 288 },
    });
    let injected = 0;
    for (const { metadata } of objects.values()) {
      const isInjected = metadata.labels?.['fairlead.dev/inject-ca'] === 'true';
      if (isInjected) injected++;
      const from = isInjected ? 'fairlead-system/fairlead-operator' : undefined;
      assert.equal(metadata.annotations?.['cert-manager.io/inject-ca-from'], from, metadata.name);
    }
    assert.ok(injected > 2);
  });

  it('allows the addresses of the API servers only', async () => {
    const objects = await rendered({
      networkPolicy: { enabled: true, apiServerCIDRs: ['10.0.0.1/32', 'fd00::1/128'] },
    });
    const { spec } = objects.get('NetworkPolicy fairlead-operator') as unknown as { spec: Record<string, unknown> };
    assert.deepEqual(spec['ingress'], [
      {
        from: [{ ipBlock: { cidr: '10.0.0.1/32' } }, { ipBlock: { cidr: 'fd00::1/128' } }],
        ports: [{ protocol: 'TCP', port: 9443 }],
      },
    ]);
  });

  it('follows the version of Kubernetes', async () => {
    const names = async (version: string) => [...(await rendered({}, '--kube-version', version)).keys()];
    const budget = 'PodDisruptionBudget fairlead-operator';
    const webhook = 'ValidatingWebhookConfiguration fairlead-operator-namespaces';
    for (const [version, expected] of [
      ['1.20.2', [false, true]],
      ['1.21.0', [true, true]],
      ['1.22.0-gke.1', [true, false]],
      ['1.36.0', [true, false]],
    ] as const) {
      const found = await names(version);
      assert.deepEqual([found.includes(budget), found.includes(webhook)], expected, version);
    }
  });

  it('refuses values that it does not know or cannot use, and names them', async () => {
    const image = (more: object) => ({ image: { ...exampleImage.image, ...more } });
    for (const [values, message] of [
      [{ image: { repository: '' } }, /image\.repository is not set: want the name of your copy/],
      [{ replica: 3 }, /additional properties 'replica' not allowed/],
      [image({ name: 'x' }), /at '\/image': additional properties 'name' not allowed/],
      [image({ repository: 'https://x/y' }), /at '\/image\/repository'.* does not match/],
      [image({ digest: 'sha256:12' }), /at '\/image\/digest'.* does not match/],
      [image({ pullPolicy: 'Sometimes' }), /at '\/image\/pullPolicy': value must be one of/],
      [{ replicas: 0 }, /at '\/replicas': minimum/],
      [{ webhooks: 'yes' }, /at '\/webhooks': got string, want boolean/],
      [{ extraArgs: ['listen'] }, /at '\/extraArgs\/0'/],
      [{ networkPolicy: { enabled: true } }, /at '\/networkPolicy\/apiServerCIDRs': minItems/],
      [{ networkPolicy: { enabled: true, apiServerCIDRs: ['10.0.0.1'] } }, /at '\/networkPolicy\/apiServerCIDRs\/0'/],
      [
        { networkPolicy: { enabled: true, apiServerCIDRs: ['192.0.2.1/32'] } },
        /192\.0\.2\.1\/32 is an address of examples/,
      ],
      [{ certManager: { enabled: true } }, /at '\/certManager\/issuerRef': missing property 'name'/],
      [
        { namespaceLabels: { 'kubernetes.io/metadata.name': 'web' } },
        /at '\/namespaceLabels\/kubernetes.io~1metadata.name'/,
      ],
      [{ trustPolicy: { files: { 'policy.yaml': 'x' } } }, /invalid propertyName 'policy.yaml'/],
    ] as const) {
      failed(await helm(['template', 'fairlead', chartDirectory], { ...exampleImage, ...values }), 1, message);
    }
  });
});
