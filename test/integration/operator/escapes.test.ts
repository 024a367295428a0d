import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { apiserverMinor, apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { type Answered, OperatorCluster, until } from '#test/support/operator-cluster';

const digest = `sha256:${'a1'.repeat(32)}`;
const reference = `registry.example.com/security/nginx@${digest}`;
const profile = { type: 'Localhost', localhostProfile: `oci/${reference}` };
const runtimeDefault = { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } };
const image = 'registry.example.com/app:1';
const privileged = { securityContext: { privileged: true } };
const labelled = { podSelector: { matchLabels: { app: 'nginx' } } };
const everything = { podSelector: {} };

describePeers(apiserverRequirements, 'a tenant who wants to escape a binding', () => {
  const minor = apiserverMinor();
  /**
   * Since 1.22 the object of pods/ephemeralcontainers is a Pod; the feature gate is gone since
   * 1.27.
   */
  const debugsPods = minor >= 22;
  let cluster: OperatorCluster;
  let late: LateWebhook;
  before(async () => {
    cluster = await OperatorCluster.start(minor < 25 ? { flags: { 'feature-gates': 'EphemeralContainers=true' } } : {});
    late = await LateWebhook.start(cluster);
  });
  after(async () => {
    await late?.stop();
    await cluster?.stop();
  });
  const bound = async (spec: object, scenario: () => Promise<void>): Promise<void> => {
    assert.equal((await cluster.bind('nginx', { reference, ...spec })).status, 201);
    try {
      await scenario();
    } finally {
      await cluster.unbind('nginx');
    }
  };
  const refused = (answer: { status: number; body: Answered }, message: RegExp): void => {
    assert.equal(answer.status, 403, JSON.stringify(answer.body));
    assert.match(answer.body.message ?? '', message);
  };

  describe('by an ephemeral container', { skip: !debugsPods && 'the object is no Pod before 1.22' }, () => {
    const debug = (name: string, container: object, besides: { metadata?: object; spec?: object } = {}) =>
      cluster.patchPod(
        name,
        {
          metadata: besides.metadata ?? {},
          spec: { ...besides.spec, ephemeralContainers: [{ name: 'debugger', image, ...container }] },
        },
        '/ephemeralcontainers',
      );

    it('does not get past a selector with labels that the API server discards', () =>
      bound(labelled, async () => {
        await cluster.createPod('labels');
        refused(
          await debug('labels', privileged, { metadata: { labels: { app: 'other' } } }),
          /"debugger" is privileged/,
        );
        const { status, body } = await debug('labels', {}, { metadata: { labels: { app: 'other' } } });
        assert.equal(status, 200, body.message);
        const { spec } = await cluster.pod('labels');
        assert.deepEqual(spec.ephemeralContainers?.[0]?.securityContext?.seccompProfile, profile);
      }));

    it('does not get past the empty selector with another os', () =>
      bound(everything, async () => {
        await cluster.createPod('os');
        const lies = [{ os: { name: 'windows' } }, { nodeSelector: { 'kubernetes.io/os': 'windows' } }];
        for (const spec of lies) refused(await debug('os', privileged, { spec }), /"debugger" is privileged/);
        const annotations = { 'kubernetes.io/config.mirror': 'x' };
        refused(await debug('os', privileged, { metadata: { annotations } }), /"debugger" is privileged/);
        assert.equal((await cluster.pod('os')).spec.ephemeralContainers, undefined);
      }));

    it('does not get past the binding that the pod was created under by taking its labels off first', () =>
      bound(labelled, async () => {
        await cluster.createPod('unlabelled');
        assert.equal((await cluster.patchPod('unlabelled', { metadata: { labels: { app: null } } })).status, 200);
        refused(await debug('unlabelled', privileged), /"debugger" is privileged/);
      }));

    it('may debug a pod that no binding selects as before', () =>
      bound(labelled, async () => {
        await cluster.createPod('free', { labels: { app: 'other' } });
        const { status, body } = await debug('free', privileged);
        assert.equal(status, 200, body.message);
      }));
  });

  describe('by an ephemeral container', { skip: debugsPods && 'the object is a Pod since 1.22' }, () => {
    const debug = async (name: string) => {
      const at = `/api/v1/namespaces/web/pods/${name}/ephemeralcontainers`;
      const { body } = await cluster.request('GET', at);
      return cluster.request('PUT', at, { ...body, ephemeralContainers: [{ name: 'debugger', image }] });
    };

    it('is refused where the API server does not show the pod, and told why', () =>
      bound(labelled, async () => {
        await cluster.createPod('any', { labels: { app: 'other' } });
        refused(await debug('any'), /Kubernetes 1\.22.*"nginx"/);
      }));

    it('is let through where the namespace has no binding', async () => {
      await cluster.createPod('free');
      const { status, body } = await debug('free');
      assert.equal(status, 200, body.message);
    });
  });

  describe('by a webhook that is called later', () => {
    const sidecar = (container: object): Operation => ({
      op: 'add',
      path: '/spec/containers/-',
      value: { name: 'sidecar', image, ...container },
    });
    /** Has the operator called again, and changes the pod once more after that. */
    const afterAll = (...last: Operation[]): Operation[][] => [
      [{ op: 'add', path: '/spec/containers/-', value: { name: 'first', image } }],
      last,
    ];

    it('gets no unbound container into a bound pod', () =>
      bound(labelled, async () => {
        const attempts: [Operation, RegExp][] = [
          [sidecar(privileged), /container "sidecar" is privileged/],
          [sidecar({ securityContext: { seccompProfile: { type: 'Unconfined' } } }), /"sidecar" specifies Unconfined/],
          [sidecar(runtimeDefault), /but container "sidecar" does not name it/],
          [sidecar({}), /but container "sidecar" does not name it/],
          [{ op: 'remove', path: '/spec/containers/0/securityContext' }, /but container "app" does not name it/],
          [{ op: 'remove', path: '/spec/securityContext/seccompProfile' }, /but the pod does not name it/],
        ];
        for (const [operation, message] of attempts) {
          late.patches = afterAll(operation);
          refused(await cluster.createPod('late', { labels: { app: 'nginx', late: 'yes' } }), message);
        }
      }));

    it('has its sidecars bound as long as the operator is called after it', () =>
      bound(labelled, async () => {
        late.patches = [[sidecar(runtimeDefault)]];
        const { status, body } = await cluster.createPod('sidecar', { labels: { app: 'nginx', late: 'yes' } });
        assert.equal(status, 201, body.message);
        for (const { name, securityContext } of body.spec.containers) {
          const { localhostProfile = '' } = securityContext?.seccompProfile ?? {};
          assert.ok(localhostProfile.startsWith(profile.localhostProfile), `${name} is not bound`);
        }
      }));

    it('gets no pod into a binding by its labels', () =>
      bound(labelled, async () => {
        const app: Operation = { op: 'add', path: '/metadata/labels/app', value: 'nginx' };
        const loose: Operation = { op: 'add', path: '/spec/containers/0/securityContext', value: { privileged: true } };
        late.patches = [[app], [loose]];
        refused(await cluster.createPod('relabelled', { labels: { late: 'yes' } }), /container "app" is privileged/);
      }));
  });

  describe('by what a pod says of its operating system', () => {
    it('is refused, since older API servers discard the field', () =>
      bound(everything, async () => {
        const answer = await cluster.createPod('windows', { spec: { os: { name: 'windows' } } });
        // Before 1.23 there is no such field: the pod is bound like any other.
        if (minor < 23) assert.deepEqual(answer.body.spec.containers[0]?.securityContext?.seccompProfile, profile);
        else refused(answer, /spec\.os\.name.*kubernetes\.io\/os: windows/);
      }));

    it('is let through for a pod that no Linux node can run', () =>
      bound(everything, async () => {
        const spec = {
          nodeSelector: { 'kubernetes.io/os': 'windows' },
          ...(minor >= 25 && { os: { name: 'windows' } }),
        };
        const { status, body } = await cluster.createPod('elsewhere', { spec });
        assert.equal(status, 201, body.message);
        assert.equal(body.spec.containers[0]?.securityContext?.seccompProfile, undefined);
      }));
  });

  describe('who asks for RuntimeDefault', () => {
    const based = { ...profile, localhostProfile: `${profile.localhostProfile}?base=RuntimeDefault` };

    it('keeps it beside the artifact', () =>
      bound(labelled, async () => {
        const containers = [
          { name: 'app', image },
          { name: 'plain', image, securityContext: { seccompProfile: profile } },
        ];
        const { status, body } = await cluster.createPod('defaulted', { spec: { ...runtimeDefault, containers } });
        assert.equal(status, 201, body.message);
        const places = [body.spec, ...body.spec.containers].map((place) => place.securityContext?.seccompProfile);
        assert.deepEqual(places, [based, based, profile]);
      }));
  });

  describe('by an update', () => {
    it('gets no pod into a binding that it does not run under', async () => {
      await cluster.createPod('stranger', { labels: { app: 'other' } });
      await bound(labelled, async () => {
        const labels = { metadata: { labels: { app: 'nginx' } } };
        const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'stranger', ...labels.metadata } };
        const at = '/api/v1/namespaces/web/pods/stranger';
        const patch = (type: string, body: object, query = '') =>
          cluster.api.request('PATCH', `${at}${query}`, body, type) as Promise<{ status: number; body: Answered }>;
        const attempts = [
          await patch('application/merge-patch+json', labels),
          await patch('application/strategic-merge-patch+json', labels),
          await patch('application/json-patch+json', [{ op: 'replace', path: '/metadata/labels/app', value: 'nginx' }]),
          await patch('application/apply-patch+yaml', pod, '?fieldManager=tenant&force=true'),
          await cluster.request('PUT', at, { ...(await cluster.pod('stranger')), metadata: pod.metadata }),
        ];
        for (const answer of attempts) refused(answer, /the pod does not name it; container "app" does not name it/);
      });
    });

    const resizes = minor < 33 && 'pods can be resized since 1.33';
    it('of its resources changes nothing else of a pod', { skip: resizes }, async () => {
      const cpu = (count: string) => ({ resources: { requests: { cpu: count }, limits: { cpu: count } } });
      await cluster.createPod('resized', {
        labels: { app: 'other' },
        spec: { containers: [{ name: 'app', image, ...cpu('1') }] },
      });
      await bound(labelled, async () => {
        const spec = { containers: [{ name: 'app', ...cpu('2'), ...privileged }] };
        const patch = { metadata: { labels: { app: 'nginx' } }, spec };
        const at = '/api/v1/namespaces/web/pods/resized/resize';
        const type = 'application/strategic-merge-patch+json';
        const { status } = await cluster.api.request('PATCH', at, patch, type);
        assert.equal(status, 200);
        const { metadata, spec: stored } = await cluster.pod('resized');
        assert.deepEqual([metadata.labels, stored.containers[0]?.securityContext], [{ app: 'other' }, undefined]);
      });
    });

    it('may change all else of a pod that is older than the binding', async () => {
      await cluster.createPod('older', {
        spec: { containers: [{ name: 'app', image, ...privileged }] },
        finalizers: ['example.com/wait'],
      });
      await bound(labelled, async () => {
        const changes = [
          { metadata: { labels: { more: 'yes' } } },
          { metadata: { annotations: { more: 'yes' } } },
          { spec: { containers: [{ name: 'app', image: 'registry.example.com/app:2', ...privileged }] } },
          { spec: { activeDeadlineSeconds: 600 } },
        ];
        for (const change of changes) {
          const { status, body } = await cluster.patchPod('older', change);
          assert.equal(status, 200, body.message);
        }
        const at = '/api/v1/namespaces/web/pods/older';
        assert.equal((await cluster.request('DELETE', `${at}?gracePeriodSeconds=0`)).status, 200);
        assert.equal((await cluster.patchPod('older', { metadata: { finalizers: null } })).status, 200);
        assert.equal((await cluster.request('GET', at)).status, 404);
      });
    });

    it('cannot grow a pod until its reviews are too large for its finalizers to be removed', async () => {
      const finalizers = ['example.com/wait'];
      // Each of these takes six bytes in a review.
      const grown = (bytes: number) => ({ spec: { containers: [{ name: 'app', image: '<'.repeat(bytes / 6) }] } });
      refused(await cluster.createPod('grown', grown(1_000_000)), /the pod is too large: .* ConfigMap/);
      assert.equal((await cluster.createPod('growing', { ...grown(800_000), finalizers })).status, 201);
      refused(await cluster.patchPod('growing', grown(1_000_000)), /the pod is too large: .* ConfigMap/);
      // As a kubelet does, which repeats the images there.
      const { spec } = grown(800_000);
      const containerStatuses = spec.containers.map((container) => ({
        ...{ ...container, imageID: '', ready: false, restartCount: 0 },
        state: { waiting: { reason: 'InvalidImageName' } },
      }));
      const status = await cluster.patchPod('growing', { status: { containerStatuses } }, '/status');
      assert.equal(status.status, 200, status.body.message);
      const { status: removed, body } = await cluster.patchPod('growing', {
        metadata: { labels: { a: 'b' }, finalizers: null },
      });
      assert.equal(removed, 200, body.message);
    });

    const conditions = minor < 30 && 'API servers have match conditions since 1.30';
    it('needs the operator only for what bindings decide, with match conditions', { skip: conditions }, async () => {
      const patch = JSON.parse(
        readFileSync(new URL('../../../deploy/operator/match-conditions.json', import.meta.url), 'utf8'),
      );
      await cluster.createPod('conditions', { labels: {}, finalizers: ['example.com/wait'] });
      const configuration = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/fairlead-operator';
      const { status, body } = await cluster.api.request('PATCH', configuration, patch, 'application/json-patch+json');
      assert.equal(status, 200, JSON.stringify(body));
      const { address } = cluster;
      await cluster.stopOperator();
      const finalizers = { metadata: { finalizers: null } };
      await until(
        'finalizers can be removed',
        async () => (await cluster.patchPod('conditions', finalizers)).status === 200,
      );
      assert.equal((await cluster.patchPod('conditions', { metadata: { annotations: { a: 'b' } } })).status, 200);
      assert.equal((await cluster.patchPod('conditions', { metadata: { labels: { app: 'nginx' } } })).status, 500);
      assert.equal((await cluster.createPod('down')).status, 500);
      await cluster.startOperator(address);
      await bound(labelled, async () => {
        refused(
          await cluster.patchPod('conditions', { metadata: { labels: { app: 'nginx' } } }),
          /the pod does not name it/,
        );
      });
    });
  });
});

type Operation =
  | { readonly op: 'add'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/**
 * A third-party mutating webhook, called after the operator's, for pods with the label `late: yes`.
 */
class LateWebhook {
  #patches: readonly (readonly Operation[])[] = [];
  #calls = 0;
  readonly #server: Server;

  /**
   * Sets what it does to the next pod when it is called for the first time, the second time, and so
   * on.
   */
  set patches(patches: readonly (readonly Operation[])[]) {
    this.#patches = patches;
    this.#calls = 0;
  }

  private constructor(tls: { cert: Buffer; key: Buffer }) {
    this.#server = createServer(tls, async (request, response) => {
      const { request: review } = JSON.parse(await text(request));
      const patch = Buffer.from(JSON.stringify(this.#patches[this.#calls++] ?? [])).toString('base64');
      const answer = { uid: review.uid, allowed: true, patchType: 'JSONPatch', patch };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    });
  }

  /**
   * Starts it, registers it under a name that comes after the operator's, and waits until it is
   * called.
   */
  static async start(cluster: OperatorCluster): Promise<LateWebhook> {
    const webhook = new LateWebhook({
      cert: readFileSync(cluster.file('tls.crt')),
      key: readFileSync(cluster.file('tls.key')),
    });
    await new Promise<void>((resolve) => webhook.#server.listen(0, '127.0.0.1', resolve));
    const address = webhook.#server.address();
    assert.ok(typeof address === 'object' && address !== null);
    await cluster.apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'zz-late' },
      webhooks: [
        {
          name: 'late.example.com',
          admissionReviewVersions: ['v1'],
          clientConfig: {
            url: `https://127.0.0.1:${address.port}/`,
            caBundle: readFileSync(cluster.file('ca.crt')).toString('base64'),
          },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
          objectSelector: { matchLabels: { late: 'yes' } },
          failurePolicy: 'Fail',
          reinvocationPolicy: 'IfNeeded',
          sideEffects: 'None',
        },
      ],
    });
    await until('the late webhook is called', async () => {
      await cluster.createPod('any', { labels: { late: 'yes' }, query: '?dryRun=All' });
      return webhook.#calls > 0;
    });
    return webhook;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
