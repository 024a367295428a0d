import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { ApiError } from '#lib/kube/api-error';
import type { ObjectClient } from '#lib/kube/object-client';
import type { ObjectName, Resource } from '#lib/kube/resource';
import { TestLog } from '#test/support/kube/widgets';
import { ClusterObjects } from './cluster-objects.ts';

const namespace = (name: string, labels: object) => ({ metadata: { name, resourceVersion: '1', labels } });

/** The objects of an API server that has listed the namespace `old`, and answers for others so. */
function objects(get: (name: string) => object) {
  const asked: string[] = [];
  const client = {
    async *pages({ plural }: Resource) {
      yield { items: plural === 'namespaces' ? [namespace('old', { team: 'a' })] : [], resourceVersion: '1' };
    },
    watch: (_resource: Resource, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    async get({ plural }: Resource, { name }: ObjectName) {
      asked.push(`${plural} ${name}`);
      return get(name);
    },
  } as unknown as ObjectClient;
  const cluster = new ClusterObjects({ client, log: new TestLog() });
  cluster.start();
  return { cluster, asked };
}

async function untilListed(cluster: ClusterObjects): Promise<void> {
  while (cluster.namespaceLabels('old') === undefined) await new Promise(setImmediate);
}

describe('the namespace of an admission', () => {
  it('is asked for if it is not known yet, once for all pods that wait', async () => {
    const { cluster, asked } = objects((name) => namespace(name, { team: 'b' }));
    await untilListed(cluster);
    const states = await Promise.all([cluster.stateFor('new'), cluster.stateFor('new'), cluster.stateFor('old')]);
    assert.deepEqual(
      states.map((state) => [state.namespaceLabels('new')?.get('team'), state.namespaceLabels('old')?.get('team')]),
      [
        ['b', 'a'],
        ['b', 'a'],
        [undefined, 'a'],
      ],
    );
    assert.deepEqual(asked, ['namespaces new']);
    // Nothing is kept: the next one may have other labels.
    await cluster.stateFor('new');
    assert.equal(asked.length, 2);
    await cluster.stop();
  });

  it('has no labels if it does not exist, and is an error if that is not known', async () => {
    const { cluster } = objects((name) => {
      if (name === 'absent') throw new ApiError('it does not exist', { status: 404, reason: 'NotFound' });
      throw new FairleadError('Unavailable', 'the API server does not answer');
    });
    await untilListed(cluster);
    assert.equal((await cluster.stateFor('absent')).namespaceLabels('absent'), undefined);
    await assert.rejects(cluster.stateFor('unknown'), { kind: 'Unavailable' });
    await cluster.stop();
  });
});
