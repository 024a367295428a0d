import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { criClient } from '#lib/cri/client';
import { FairleadError } from '#lib/errors';
import type { Use } from '#lib/node/store/use-note';
import { digestOf } from '#lib/registry/digest';
import * as cri from '../../lib/cri/gen/cri_pb.js';
import { type ExplainPodDependencies, explainPod } from './explain-pod.ts';

const digest = digestOf(Buffer.from('x'));
const { CONTAINER_RUNNING, CONTAINER_EXITED } = cri.ContainerState;
const sandboxes = [
  { id: 's1', metadata: { namespace: 'web', name: 'nginx-0' } },
  { id: 's2', metadata: { namespace: 'web', name: 'nginx-1' } },
];
const containers = [
  { id: 'c1', podSandboxId: 's1', metadata: { name: 'web' }, state: CONTAINER_RUNNING },
  { id: 'c0', podSandboxId: 's1', metadata: { name: 'web' }, state: CONTAINER_EXITED },
  { id: 'c2', podSandboxId: 's2', metadata: { name: 'web' }, state: CONTAINER_RUNNING },
];

function explain(pod: string, uses: Readonly<Record<string, Use>>, info: (id: string) => object = () => ({})) {
  const dependencies = {
    runtime: {
      listPodSandbox: async () => create(cri.ListPodSandboxResponseSchema, { items: sandboxes }),
      listContainers: async () => create(cri.ListContainersResponseSchema, { containers }),
      containerStatus: async ({ containerId }: { readonly containerId: string }) =>
        create(cri.ContainerStatusResponseSchema, { info: { info: JSON.stringify(info(containerId)) } }),
    },
    store: { uses: { list: async () => new Map(Object.entries(uses)) } },
    recent: { refusals: [] },
  } as unknown as ExplainPodDependencies;
  return explainPod(pod, dependencies, AbortSignal.timeout(5000));
}

describe('explainPod', () => {
  it('returns the sandbox and the containers of one pod, with the notes about each', async () => {
    const record = {
      ...{ time: '2026-01-02T03:04:05.000Z', kind: 'Seccomp', reference: `a.example/b@${digest}`, rule: '**' },
      ...{ signers: ['key release.pub'], mode: 'Log', installed: '/state/effective/x.json', constrained: { base: 1 } },
    };
    const { containers: found } = await explain('web/nginx-0', {
      s1: { artifacts: [digest] },
      c1: { artifacts: [digest], applied: [record] },
    });
    assert.deepEqual(found, [
      { id: 's1', state: 'sandbox', artifacts: [digest], applied: [], runtime: {} },
      { id: 'c1', name: 'web', state: 'running', artifacts: [digest], applied: [record], runtime: {} },
      { id: 'c0', name: 'web', state: 'exited', artifacts: [], applied: [], runtime: {} },
    ]);
  });

  it('counts the containers of other pods with the same AppArmor profile', async () => {
    const use = { artifacts: [digest], appArmor: 'fairlead/1' };
    const of = async (uses: Readonly<Record<string, Use>>) =>
      (await explain('web/nginx-0', uses)).containers.map(({ appArmorElsewhere }) => appArmorElsewhere);
    assert.deepEqual(await of({ c1: use, c0: use }), [undefined, undefined, undefined]);
    assert.deepEqual(await of({ c1: use, c2: use, c3: use, s1: { artifacts: [] } }), [undefined, 2, undefined]);
    assert.deepEqual(await of({ c1: use, c2: { artifacts: [], appArmor: 'fairlead/2' } }), [
      ...[undefined, undefined, undefined],
    ]);
  });

  it('returns what the runtime reports of each container, without those that are removed meanwhile', async () => {
    const { containers: found } = await explain('web/nginx-0', {}, (id) => {
      if (id === 'c0') throw new FairleadError('NotFound', 'it was removed');
      return { runtimeSpec: { process: { apparmorProfile: 'fairlead/1' } } };
    });
    assert.deepEqual(
      found.map(({ id, runtime }) => [id, runtime]),
      [
        ['s1', {}],
        ['c1', { seccomp: 'none', appArmor: 'fairlead/1' }],
      ],
    );
  });

  it('refuses a pod that the runtime does not have', async () => {
    for (const pod of ['web/nginx', 'nginx-0', '/nginx-0', 'web/']) {
      await assert.rejects(explain(pod, {}), { kind: 'NotFound', hint: /crictl pods/ }, pod);
    }
  });

  it('does not wait for a runtime that does not answer', { timeout: 10_000 }, async (t) => {
    t.mock.method(AbortSignal, 'timeout', () => AbortSignal.abort(new Error('the time is up')));
    const runtime = criClient(
      (_method, _request, signal) =>
        new Promise((_resolve, reject) => {
          const giveUp = (): void => reject(new FairleadError('Unavailable', 'no answer'));
          if (signal.aborted) giveUp();
          else signal.addEventListener('abort', giveUp);
        }),
    );
    const dependencies = {
      ...{ runtime, store: { uses: { list: async () => new Map() } }, recent: { refusals: [] } },
    } as unknown as ExplainPodDependencies;
    const { signal } = new AbortController();
    await assert.rejects(explainPod('web/nginx-0', dependencies, signal), {
      kind: 'Unavailable',
      message: 'no answer',
    });
  });
});
