import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import type { WatchOptions } from '#lib/kube/watch-objects';
import { TestLog, until } from '#test/support/kube/widgets';
import { daemonName } from '../api/securityprofilesoperatordaemon/v1.ts';
import { ClusterView } from './cluster-view.ts';

/** Returns what the view takes for the settings if the API server has this object. */
async function settingsWith(spec: object, metadata: object = {}) {
  const daemon = {
    metadata: { name: daemonName, namespace: 'fairlead-system', resourceVersion: '1', ...metadata },
    spec,
  };
  const client = {
    async *pages({ plural }: Resource) {
      yield { items: plural === 'securityprofilesoperatordaemons' ? [daemon] : [], resourceVersion: '1' };
    },
    watch: (_resource: Resource, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  } as unknown as ObjectClient;
  const view = new ClusterView({ client, log: new TestLog(), namespace: 'fairlead-system', hasCore: false });
  view.start();
  await view.daemons.synced();
  try {
    return view.settings();
  } finally {
    await view.stop();
  }
}

describe('ClusterView', () => {
  it('states that pods or nodes cannot be followed, before anything is removed because of them', async () => {
    for (const [broken, fails] of [
      ['pods', true],
      ['nodes', true],
      ['seccompprofiles', false],
    ] as const) {
      const client = {
        async *pages() {
          yield { items: [], resourceVersion: '1' };
        },
        async watch({ plural }: Resource, { onOpen }: WatchOptions, _onEvent: object, signal: AbortSignal) {
          if (plural === broken) throw new FairleadError('Unavailable', `${broken} cannot be watched`);
          onOpen?.();
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        },
      } as unknown as ObjectClient;
      const view = new ClusterView({ client, log: new TestLog(), namespace: 'fairlead-system', hasCore: true });
      view.start();
      const informer = { pods: view.pods, nodes: view.nodes, seccompprofiles: view.profiles.SeccompProfile }[broken];
      await until(() => informer?.problem !== undefined);
      if (fails) assert.throws(() => view.checkCore(), { kind: 'Unavailable', message: `${broken} cannot be watched` });
      else view.checkCore();
      await view.stop();
    }
  });
});

describe('the settings of ClusterView', () => {
  const allowedSyscalls = ['read'];

  it('are those of the object in the namespace of the operator, and otherwise the defaults', async () => {
    const settings = await settingsWith({ security: { allowedSyscalls } });
    assert.deepEqual(settings.seccomp?.syscalls, new Set(allowedSyscalls));
    const others = await settingsWith({ security: { allowedSyscalls } }, { name: 'other' });
    assert.equal(others.seccomp, undefined);
  });

  it('are unknown if they cannot be read: the defaults would allow everything', async () => {
    await assert.rejects(settingsWith({ security: { allowedSyscalls: 'read' } }), /allowedSyscalls|Array/);
  });
});
