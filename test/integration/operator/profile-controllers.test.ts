import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '#lib/kube/client';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import { remoteRepository } from '#lib/registry/remote/repository';
import type { Policy } from '#lib/trust/policy/node-policy';
import { resources } from '#operator/api/resources';
import { BaseSource } from '#operator/base/base-source';
import { runControllers } from '#operator/controllers/run-controllers';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { publish } from '#services/push/publish';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { serve } from '#test/support/apis/served-apis';
import { Front } from '#test/support/kube/front';
import { TestLog, until } from '#test/support/kube/widgets';
import { allowing, common, signer, stranger } from '#test/support/publication';

const group = '/apis/security-profiles-operator.x-k8s.io/v1';
const user = { username: 'operator', password: 'secret' };

/** What the tests read of an object. */
interface Stored {
  readonly metadata: {
    readonly name: string;
    readonly finalizers?: readonly string[];
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status?: {
    readonly status?: string;
    readonly localhostProfile?: string;
    readonly activeWorkloads?: readonly string[];
    readonly conditions?: readonly {
      readonly type: string;
      readonly reason: string;
      readonly message: string;
      readonly lastTransitionTime: string;
    }[];
  };
}

describePeers([...apiserverRequirements, 'docker-registry'], 'controllers of profiles', () => {
  let apiserver: Apiserver;
  let front: Front;
  let api: KubeClient;
  let registry: Registry;
  let controllers: { stop(): Promise<void> };
  const log = new TestLog();
  const events: string[] = [];
  /** Errors as they are counted. */
  const errors: string[] = [];

  const send = async (method: string, path: string, body?: object, type?: string): Promise<unknown> => {
    const answer = await apiserver.request(method, path, body, type);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const merge = (path: string, patch: object) => send('PATCH', path, patch, 'application/merge-patch+json');
  const seccomp = (name: string) => `${group}/seccompprofiles/${name}`;
  const read = async (path: string): Promise<Stored | undefined> => {
    const { status, body } = await apiserver.request('GET', path);
    return status === 404 ? undefined : (body as Stored);
  };
  const create = (kind: string, plural: string, name: string, spec: object, metadata: object = {}) =>
    send('POST', `${group}/${plural}`, {
      apiVersion: 'security-profiles-operator.x-k8s.io/v1',
      kind,
      metadata: { name, ...metadata },
      spec,
    });
  const createSeccomp = (name: string, spec: object = {}, metadata: object = {}) =>
    create('SeccompProfile', 'seccompprofiles', name, { defaultAction: 'SCMP_ACT_ERRNO', ...spec }, metadata);
  const createPod = (name: string, securityContext: object) =>
    send('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { securityContext, containers: [{ name: 'app', image: 'registry.example.com/app:1' }] },
    });
  const deletePod = (name: string) =>
    send('DELETE', `/api/v1/namespaces/default/pods/${name}`, { gracePeriodSeconds: 0 });
  const reach = async (path: string, holds: (object: Stored) => boolean): Promise<Stored> => {
    let seen: Stored | undefined;
    try {
      await until(async () => {
        seen = await read(path);
        return seen !== undefined && holds(seen);
      });
    } catch {
      assert.fail(`${path} stays ${JSON.stringify(seen)}; ${log.lines.map(({ message }) => message).join('; ')}`);
    }
    assert.ok(seen !== undefined);
    return seen;
  };
  /** Resolves when nothing was requested for a second. */
  const quiet = async (): Promise<void> => {
    for (let seen = -1; seen !== front.requests.length; await sleep(1000)) seen = front.requests.length;
  };
  const isState = (state: string) => (object: Stored) => object.status?.status === state;
  const ready = ({ status }: Stored) => {
    const condition = status?.conditions?.find(({ type }) => type === 'Ready');
    return `${condition?.reason}: ${condition?.message}`;
  };
  const reportNode = async (profile: string, node: string, state: string) => {
    const name = `${profile}-${node}`;
    const labels = { 'spo.x-k8s.io/profile-id': `SeccompProfile-${profile}` };
    await create('SecurityProfileNodeStatus', 'securityprofilenodestatuses', name, { nodeName: node }, { labels });
    await merge(`${group}/securityprofilenodestatuses/${name}/status`, { status: { status: state } });
  };
  const createNode = (name: string) =>
    send('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  const target = (reference: Pick<Reference, 'registry' | 'repository'>) =>
    remoteRepository(reference, { credentials: user });
  const push = async (names: readonly string[], by = signer) => {
    const reference = parseReference(`${registry.host}/base/runc:v1`);
    return publish(allowing(...names), { reference }, { ...common, signer: by, target: target(reference) });
  };
  const startControllers = () => {
    const policy = {
      source: 'policy.yaml',
      revision: '1',
      limits: defaultPublicationLimits,
      rules: [
        { match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey: signer.key.publicKey }] }] },
      ],
    } as unknown as Policy;
    const base = new BaseSource({ policy: { current: policy }, connect: target });
    const stopped = new AbortController();
    const running = runControllers(
      {
        api,
        now: () => api.now(),
        namespace: 'default',
        log,
        pull: (reference) => base.pull(reference),
        profileMetrics: { countError: (kind, reason) => void errors.push(`${kind} ${reason}`) },
        report: ({ metadata: { name } }, { type, reason, message }) =>
          void events.push(`${name} ${type} ${reason}: ${message}`),
      },
      stopped.signal,
    );
    return {
      async stop() {
        stopped.abort();
        await running;
      },
    };
  };

  before(async () => {
    [apiserver, registry] = await Promise.all([startApiserver(), startRegistry({ user })]);
    for (const resource of resources)
      await serve(apiserver.request, customResourceDefinition(resource) as Record<string, unknown>);
    front = await Front.start(apiserver);
    api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 5000 });
    controllers = startControllers();
  });
  beforeEach(() => {
    front.mode = { do: 'pass' };
    log.lines.length = 0;
    events.length = 0;
  });
  afterEach(() => {
    front.mode = { do: 'pass' };
  });
  after(async () => {
    await controllers?.stop();
    api?.close();
    await front?.stop();
    await registry?.stop();
    await apiserver?.stop();
  });

  it('reports the state of a profile from its nodes, and forgets nodes that are gone', async () => {
    await createSeccomp('states');
    const pending = await reach(seccomp('states'), isState('Pending'));
    assert.equal(pending.status?.localhostProfile, 'operator/states.json');
    await Promise.all([createNode('n1'), createNode('n2')]);
    await reportNode('states', 'n1', 'Installed');
    await reach(seccomp('states'), isState('Installed'));
    await reportNode('states', 'n2', 'Error');
    const failed = await reach(seccomp('states'), isState('Error'));
    assert.equal(ready(failed), 'Unavailable: Error on 1 of 2 nodes: n2');
    await send('DELETE', '/api/v1/nodes/n2');
    const installed = await reach(seccomp('states'), isState('Installed'));
    assert.equal(ready(installed), 'Available: installed on 1 node');
    await until(async () => (await read(`${group}/securityprofilenodestatuses/states-n2`)) === undefined);
    assert.ok(
      events.some((event) => event.startsWith('states Warning Unavailable: Error on 1 of 2')),
      events.join('\n'),
    );
  });

  it('keeps a deleted profile while pods use it, and no longer', async () => {
    await createSeccomp('used');
    await createPod('user', { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/used.json' } });
    const used = await reach(seccomp('used'), ({ status }) => status?.activeWorkloads?.length === 1);
    assert.deepEqual(used.metadata.finalizers, ['in-use-by-active-pods']);
    assert.deepEqual(used.status?.activeWorkloads, ['default/user']);
    await send('DELETE', seccomp('used'));
    const waiting = await reach(seccomp('used'), isState('Terminating'));
    assert.equal(ready(waiting), 'Deleting: waiting for 1 pod to end, which use the profile: default/user');
    await deletePod('user');
    await until(async () => (await read(seccomp('used'))) === undefined);
  });

  it('releases a profile whose finalizers are no longer removed by their owners', async () => {
    const finalizers = ['gone-deleted', 'in-use-by-active-pods', 'example.com/other'];
    await createSeccomp('left', {}, { finalizers });
    await reach(seccomp('left'), ({ metadata }) => metadata.finalizers?.length === 1);
    await send('DELETE', seccomp('left'));
    // Those of others are theirs, and named.
    await reach(seccomp('left'), (object) => /^Deleting: .* finalizers: example\.com\/other$/.test(ready(object)));
    await merge(seccomp('left'), { metadata: { finalizers: null } });
    await until(async () => (await read(seccomp('left'))) === undefined);
  });

  it('waits for the node of a deleted profile, whatever the clock of the operator shows', async () => {
    await createNode('n3');
    for (const minutes of [10, -10]) {
      const name = `skewed${minutes}`;
      await createSeccomp(name, {}, { finalizers: ['n3-deleted'] });
      await reportNode(name, 'n3', 'Installed');
      await reach(seccomp(name), isState('Installed'));
      mock.timers.enable({ apis: ['Date'], now: Date.now() + minutes * 60_000 });
      try {
        // Its time comes with any answer, such as to the renewal of the Lease.
        await api.get({ path: '/version', title: 'ask for its version' });
        await send('DELETE', seccomp(name));
        const waiting = await reach(seccomp(name), isState('Terminating'));
        assert.deepEqual(waiting.metadata.finalizers, ['n3-deleted']);
        const [condition] = waiting.status?.conditions ?? [];
        const since = Date.parse(condition?.lastTransitionTime ?? '');
        assert.ok(Math.abs(since - Date.parse(waiting.metadata.deletionTimestamp ?? '')) < 5000, `${since}`);
      } finally {
        mock.timers.reset();
      }
      await merge(seccomp(name), { metadata: { finalizers: null } });
      await until(async () => (await read(seccomp(name))) === undefined);
    }
    assert.deepEqual(
      events.filter((event) => /five minutes/.test(event)),
      [],
    );
    await send('DELETE', '/api/v1/nodes/n3');
  });

  it('merges a base from a private registry, and withdraws one that is no longer signed', async () => {
    const { reference } = await push(['openat', 'execve']);
    await createSeccomp('based', {
      baseProfileName: `oci://${registry.host}/base/runc:v1`,
      syscalls: [{ names: ['bind'], action: 'SCMP_ACT_ALLOW' }],
    });
    await createSeccomp('above', { baseProfileName: 'based' });
    const syscallsOf = ({ metadata }: Stored) =>
      (JSON.parse(metadata.annotations?.['syscalls'] ?? '[]') as { names: string[] }[])
        .flatMap(({ names }) => names)
        .sort();
    for (const name of ['based', 'above']) {
      const merged = await reach(seccomp(name), (object) => syscallsOf(object).length === 3);
      assert.deepEqual(syscallsOf(merged), ['bind', 'execve', 'openat']);
      assert.equal(merged.metadata.annotations?.['fairlead.dev/base-artifacts'], formatReference(reference));
    }
    await push(['openat', 'execve', 'ptrace'], stranger);
    // A tag is resolved again when the profile changes.
    await merge(seccomp('based'), { spec: { listenerMetadata: 'changed' } });
    for (const name of ['based', 'above']) {
      const refused = await reach(seccomp(name), isState('Error'));
      assert.deepEqual(syscallsOf(refused), []);
      assert.match(ready(refused), /^(CannotPull|Invalid)SeccompProfile: /);
    }
  });

  it('checks all profiles again when the administrator changes what is allowed, and deletes none', async () => {
    await createSeccomp('traced', { syscalls: [{ names: ['ptrace'], action: 'SCMP_ACT_ALLOW' }] });
    await reach(seccomp('traced'), isState('Pending'));
    errors.length = 0;
    const spod = `${group}/namespaces/default/securityprofilesoperatordaemons/spod`;
    // The operator has created it, without settings.
    const isSupported = ({ status }: Stored) => status?.conditions?.[0]?.reason === 'Supported';
    await reach(spod, isSupported);
    await merge(spod, { spec: { security: { allowedSyscalls: ['read'] }, enricher: { enableLogEnricher: true } } });
    const refused = await reach(seccomp('traced'), isState('Error'));
    assert.match(ready(refused), /^ProfileNotAllowed: spec\.syscalls\[0\].*ptrace/);
    assert.ok(
      errors.length > 0 && errors.every((error) => error === 'SeccompProfile ProfileNotAllowed'),
      errors.join(),
    );
    const daemon = await reach(spod, (object) => !isSupported(object));
    const [condition] = daemon.status?.conditions ?? [];
    assert.match(condition?.message ?? '', /no effect: spec\.enricher\.enableLogEnricher\.$/);
    await merge(spod, { spec: { security: { allowedSyscalls: ['read', 'ptrace'] } } });
    await reach(seccomp('traced'), isState('Pending'));
    // No webhook is registered here.
    const valid = ({ status }: Stored) => status?.conditions?.find(({ type }) => type === 'Valid');
    await merge(spod, { spec: { security: { allowedIdentityRegexp: '(' } } });
    const invalid = await reach(spod, (object) => valid(object)?.reason === 'Invalid');
    assert.match(valid(invalid)?.message ?? '', /^spec\.security\.allowedIdentityRegexp: /);
    await merge(spod, { spec: { security: { allowedIdentityRegexp: null } } });
    await reach(spod, (object) => valid(object)?.reason === 'Valid');
  });

  it('says that recordings and bindings have no effect', async () => {
    const namespaced = `${group}/namespaces/default`;
    for (const [kind, plural, spec] of [
      ['ProfileRecording', 'profilerecordings', { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: {} }],
      ['ProfileBinding', 'profilebindings', { profileRef: { kind: 'SeccompProfile', name: 'a' }, image: '*' }],
    ] as const) {
      const metadata = { name: 'one', finalizers: ['active-workload-lock'] };
      const apiVersion = 'security-profiles-operator.x-k8s.io/v1';
      await send('POST', `${namespaced}/${plural}`, { apiVersion, kind, metadata, spec });
      const object = await reach(`${namespaced}/${plural}/one`, ({ status }) => status?.conditions !== undefined);
      assert.equal(object.status?.conditions?.[0]?.type, 'NotSupported');
      await send('DELETE', `${namespaced}/${plural}/one`);
      await until(async () => (await read(`${namespaced}/${plural}/one`)) === undefined);
    }
  });

  it('catches up with what happened while it did not run, and writes nothing if nothing did', async () => {
    await controllers.stop();
    await createSeccomp('later');
    await createPod('late', { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/later.json' } });
    controllers = startControllers();
    await reach(seccomp('later'), ({ status }) => status?.activeWorkloads?.length === 1);
    await quiet();
    await controllers.stop();
    front.requests.length = 0;
    controllers = startControllers();
    await quiet();
    const written = front.requests.filter(({ method }) => method !== 'GET');
    assert.deepEqual(written, []);
    const reads = front.count(({ isWatch }) => !isWatch);
    assert.ok(reads <= 25, `${reads} requests: ${front.requests.map(({ url }) => url).join('\n')}`);
  });
});
