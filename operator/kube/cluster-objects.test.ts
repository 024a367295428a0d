import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { ApiError } from '#lib/kube/api-error';
import type { ObjectClient } from '#lib/kube/object-client';
import type { ObjectName, Resource } from '#lib/kube/resource';
import type { WatchOptions } from '#lib/kube/watch-objects';
import { TestLog } from '#test/support/kube/widgets';
import { ClusterObjects } from './cluster-objects.ts';

const namespace = (name: string, labels: object) => ({ metadata: { name, resourceVersion: '1', labels } });

/** The objects of an API server that has listed the namespace `old`, and answers for others so. */
function objects(get: (name: string) => object) {
  const asked: string[] = [];
  /** How many seconds are watched. */
  const watches = new Map<string, number>();
  const ends: ((reason: Error) => void)[] = [];
  const client = {
    async *pages({ plural }: Resource) {
      yield { items: plural === 'namespaces' ? [namespace('old', { team: 'a' })] : [], resourceVersion: '1' };
    },
    watch: ({ plural }: Resource, { timeoutSeconds }: WatchOptions, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        watches.set(plural, timeoutSeconds);
        ends.push(reject);
        signal.addEventListener('abort', () => resolve());
      }),
    async get({ plural }: Resource, { name }: ObjectName) {
      asked.push(`${plural} ${name}`);
      return get(name);
    },
  } as unknown as ObjectClient;
  const cluster = new ClusterObjects({ client, log: new TestLog() });
  cluster.start();
  /** Ends all watches. */
  const fail = () => {
    for (const end of ends) end(new ApiError('it is forbidden', { status: 403, reason: 'Forbidden' }));
  };
  return { cluster, asked, watches, fail };
}

async function untilListed(cluster: ClusterObjects): Promise<void> {
  while (cluster.namespaceLabels('old') === undefined) await new Promise(setImmediate);
}

describe('the namespace of an admission', () => {
  it('is asked for if it is not known yet', async () => {
    const { cluster, asked } = objects((name) => namespace(name, { team: 'b' }));
    await untilListed(cluster);
    const held = (name: string) => cluster.stateFor(name, 'held');
    const states = await Promise.all([held('new'), held('old')]);
    assert.deepEqual(
      states.map((state) => [state.namespaceLabels('new')?.get('team'), state.namespaceLabels('old')?.get('team')]),
      [
        ['b', 'a'],
        [undefined, 'a'],
      ],
    );
    assert.deepEqual(asked, ['namespaces new']);
    // Nothing is kept: the next one may have other labels.
    await held('new');
    assert.equal(asked.length, 2);
    await cluster.stop();
  });

  it('is asked for after the call if its labels decide, once for all that came before', async () => {
    let team = 0;
    const { cluster, asked } = objects((name) => namespace(name, { team: String(++team) }));
    await untilListed(cluster);
    const states = await Promise.all([1, 2, 3].map(() => cluster.stateFor('old', 'current')));
    assert.deepEqual(
      states.map((state) => state.namespaceLabels('old')?.get('team')),
      ['1', '2', '2'],
    );
    assert.deepEqual(asked, ['namespaces old', 'namespaces old']);
    await cluster.stop();
  });

  it('is watched for a short time, so that a lost connection is noticed soon', async () => {
    const { cluster, watches } = objects((name) => namespace(name, {}));
    await untilListed(cluster);
    await new Promise(setImmediate);
    assert.ok((watches.get('namespaces') ?? Number.NaN) <= 38);
    assert.ok((watches.get('seccompprofiles') ?? Number.NaN) >= 240);
    await cluster.stop();
  });

  it('is asked for as long as namespaces cannot be followed', async () => {
    const { cluster, asked, fail } = objects((name) => namespace(name, { team: 'b' }));
    await untilListed(cluster);
    assert.equal((await cluster.stateFor('old', 'held')).namespaceLabels('old')?.get('team'), 'a');
    fail();
    await new Promise(setImmediate);
    assert.equal((await cluster.stateFor('old', 'held')).namespaceLabels('old')?.get('team'), 'b');
    assert.deepEqual(asked, ['namespaces old']);
    await cluster.stop();
  });

  it('has no labels if it does not exist, and is an error if that is not known', async () => {
    const { cluster } = objects((name) => {
      if (name === 'absent') throw new ApiError('it does not exist', { status: 404, reason: 'NotFound' });
      throw new FairleadError('Unavailable', 'the API server does not answer');
    });
    await untilListed(cluster);
    assert.equal((await cluster.stateFor('absent', 'held')).namespaceLabels('absent'), undefined);
    await assert.rejects(cluster.stateFor('unknown', 'held'), { kind: 'Unavailable' });
    await cluster.stop();
  });
});
