import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorStatus } from '#lib/cri/grpc-status';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { profileRefusal } from '#lib/node/reference/profile-refusal';
import { parsePinned } from '#lib/registry/pinned-reference';
import { containerRefusals, podDecisions } from './pod-decisions.ts';

const artifact = `registry.example.com/security/nginx@sha256:${'ab'.repeat(32)}`;
const other = artifact.replace('nginx', 'other');

const names = (reference: string, type = 'seccompProfile') => ({
  securityContext: { [type]: { type: 'Localhost', localhostProfile: `oci/${reference}?base=RuntimeDefault` } },
});
const refusing = (kind: ErrorKind, reference = artifact): string =>
  errorStatus(
    profileRefusal(new FairleadError(kind, 'because'), { reference: parsePinned(reference), container: 'app' }),
  ).message;
const waiting = (message: string, reason = 'CreateContainerError') => ({
  name: 'app',
  state: { waiting: { reason, message } },
});
const running = {
  name: 'app',
  containerID: 'containerd://1',
  state: { running: { startedAt: '2026-12-01T10:00:00Z' } },
};
const creating = waiting('', 'ContainerCreating');

const podOf = (status: object, spec: object = { containers: [{ name: 'app', ...names(artifact) }] }) => ({
  metadata: { name: 'nginx', namespace: 'web', uid: 'u1' },
  spec: { nodeName: 'n1', ...spec },
  status: { phase: 'Pending', ...status },
});
const decided = (...args: Parameters<typeof podOf>) =>
  podDecisions(podOf(...args)).map(({ artifact, decision }) => [
    artifact,
    typeof decision === 'string' ? decision : decision.kind,
  ]);

describe('containerRefusals', () => {
  it('names the node and its reason for each container that waits, and nothing else', () => {
    const containers = ['app', 'log'].map((name) => ({ name, ...names(artifact) }));
    const containerStatuses = [{ ...running, name: 'log' }, waiting(refusing('Unauthenticated'))];
    assert.deepEqual(
      [...containerRefusals(podOf({ containerStatuses }, { containers }))],
      [['app', { kind: 'Unauthenticated', reason: 'because', node: 'n1' }]],
    );
    assert.equal(containerRefusals(podOf({ phase: 'Failed', containerStatuses }, { containers })).size, 0);
    assert.equal(containerRefusals({}).size, 0);
  });
});

describe('podDecisions', () => {
  it('reads a refusal from a waiting container, whichever list it is in', () => {
    const containers = [{ name: 'app', ...names(artifact) }];
    for (const [list, statuses] of [
      ['containers', 'containerStatuses'],
      ['initContainers', 'initContainerStatuses'],
      ['ephemeralContainers', 'ephemeralContainerStatuses'],
    ] as const) {
      const pod = podOf({ [statuses]: [waiting(refusing('NotAllowed'))] }, { [list]: containers });
      assert.deepEqual(podDecisions(pod), [
        { artifact, decision: { kind: 'NotAllowed', reason: 'because' }, node: 'n1' },
      ]);
    }
  });

  it('reads an acceptance from a container that runs', () => {
    const status = { phase: 'Running', containerStatuses: [running] };
    assert.deepEqual(podDecisions(podOf(status)), [{ artifact, decision: 'accepted', node: 'n1' }]);
    const inherited = { containers: [{ name: 'app' }], ...names(artifact) };
    assert.deepEqual(decided(status, inherited), [[artifact, 'accepted']]);
    const appArmor = { containers: [{ name: 'app', ...names(artifact, 'appArmorProfile') }] };
    assert.deepEqual(decided(status, appArmor), [[artifact, 'accepted']]);
    for (const oci of [{ ref: artifact }, { reference: artifact }]) {
      const native = { containers: [{ name: 'app', securityContext: { seccompProfile: { type: 'OCI', oci } } }] };
      assert.deepEqual(decided(status, native), [[artifact, 'accepted']]);
    }
  });

  it('reads no acceptance from another state', () => {
    const status = { phase: 'Running', containerStatuses: [running] };
    const privileged = { securityContext: { ...names(artifact).securityContext, privileged: true } };
    assert.deepEqual(decided(status, { containers: [{ name: 'app', ...privileged }] }), []);
    assert.deepEqual(decided({ phase: 'Running', containerStatuses: [{ ...running, containerID: '' }] }), []);
    assert.deepEqual(decided({ phase: 'Running', containerStatuses: [{ ...running, name: 'else' }] }), []);
    assert.deepEqual(decided(status, { nodeName: '', containers: [{ name: 'app', ...names(artifact) }] }), []);
    assert.deepEqual(decided(status, { containers: [{ name: 'app', ...names('a.json') }] }), []);
  });

  it('reads no refusal from other messages, of other artifacts, or of a pod that has ended', () => {
    const message = refusing('NotAllowed');
    for (const status of [
      waiting(message, 'ErrImagePull'),
      waiting(refusing('NotAllowed', other)),
      waiting('failed to create containerd task'),
    ]) {
      assert.deepEqual(decided({ containerStatuses: [status] }), []);
    }
    assert.deepEqual(decided({ phase: 'Failed', containerStatuses: [waiting(message)] }), []);
  });

  it('states a refusal rather than an acceptance of the same artifact', () => {
    const containers = ['app', 'log'].map((name) => ({ name, ...names(artifact) }));
    const containerStatuses = [{ ...running, name: 'log' }, waiting(refusing('Unauthenticated'))];
    assert.deepEqual(decided({ containerStatuses }, { containers }), [[artifact, 'Unauthenticated']]);
  });

  it('awaits the event of a pod that has no sandbox', () => {
    const spec = { containers: [{ name: 'app', ...names(other) }], ...names(artifact) };
    const awaited = { artifact, decision: 'awaited', uid: 'u1', node: 'n1' };
    assert.deepEqual(podDecisions(podOf({}, spec)), [awaited]);
    assert.deepEqual(podDecisions(podOf({ containerStatuses: [creating] }, spec)), [awaited]);
    for (const status of [
      { phase: 'Failed' },
      { conditions: [{ type: 'PodReadyToStartContainers', status: 'True' }], containerStatuses: [creating] },
      { containerStatuses: [waiting('', 'ErrImagePull')] },
      { containerStatuses: [creating, { ...running, name: 'log' }] },
    ]) {
      assert.deepEqual(decided(status, spec), [], JSON.stringify(status));
    }
  });

  it('holds little of a pod, whatever its kubelet writes', () => {
    const containers = Array.from({ length: 500 }, (_, index) => ({
      name: `c${index}`,
      ...names(artifact.replace('nginx', `n${index}`)),
    }));
    const containerStatuses = containers.map(({ name }) => ({ ...running, name }));
    assert.equal(decided({ phase: 'Running', containerStatuses }, { containers }).length, 20);
    const message = refusing('NotAllowed').replace('because', `\u001b[2J${'x'.repeat(1_000_000)}`);
    const [decision] = podDecisions(podOf({ containerStatuses: [waiting(message)] }));
    assert.ok(JSON.stringify(decision).length < 2000);
    assert.ok(!JSON.stringify(decision).includes('\\u001b'));
    assert.deepEqual(podDecisions({ metadata: {}, spec: { nodeName: 1 } }), []);
  });
});
