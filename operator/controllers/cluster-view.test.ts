import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { ApiError } from '#lib/kube/api-error';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import type { WatchOptions } from '#lib/kube/watch-objects';
import { TestLog, until } from '#test/support/kube/widgets';
import { daemonName } from '../api/securityprofilesoperatordaemon/v1.ts';
import { defaultSettings } from '../validate/settings.ts';
import { ClusterView } from './cluster-view.ts';
import { podInformer } from './pod-informer.ts';

/** Returns what the view takes for the settings if the API server has this object. */
async function settingsWith(spec: object, { metadata = {}, log = new TestLog() } = {}) {
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
  const view = new ClusterView({ client, log, namespace: 'fairlead-system', pods: undefined });
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
      const log = new TestLog();
      const pods = podInformer({ client, log });
      const view = new ClusterView({ client, log, namespace: 'fairlead-system', pods });
      pods.start();
      view.start();
      const informer = { pods: view.pods, nodes: view.nodes, seccompprofiles: view.profiles.SeccompProfile }[broken];
      await until(() => informer?.problem !== undefined);
      if (fails) assert.throws(() => view.checkCore(), { kind: 'Unavailable', message: `${broken} cannot be watched` });
      else view.checkCore();
      await Promise.all([view.stop(), pods.stop()]);
    }
  });
});

describe('the reports of ClusterView', () => {
  it('are unknown until all were listed: a node that is missing does not lack the profile', async () => {
    const served = Promise.withResolvers<void>();
    const client = {
      async *pages({ plural }: Resource) {
        const report = {
          metadata: { name: 'web-n', resourceVersion: '1', ownerReferences: [{ kind: 'SeccompProfile', name: 'web' }] },
          spec: { nodeName: 'n' },
          status: { status: 'Installed' },
        };
        const isReports = plural === 'securityprofilenodestatuses';
        yield { items: isReports ? [report] : [], resourceVersion: '1' };
        if (isReports) await served.promise;
      },
      watch: (_resource: Resource, _options: object, _onEvent: object, signal: AbortSignal) =>
        new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    } as unknown as ObjectClient;
    const view = new ClusterView({ client, log: new TestLog(), namespace: 'fairlead-system', pods: undefined });
    const profile = { kind: 'SeccompProfile', name: 'web' };
    view.start();
    await until(() => view.reports.store.size === 1);
    assert.throws(() => view.reportsOf(profile), {
      kind: 'Unavailable',
      message: /^it is not known what nodes report about profiles: /,
    });
    served.resolve();
    await view.reports.synced();
    assert.deepEqual(
      view.reportsOf(profile).map(({ node, state }) => [node, state]),
      [['n', 'Installed']],
    );
    await view.stop();
  });
});

describe('the settings of ClusterView', () => {
  const allowedSyscalls = ['read'];

  it('are those of the object in the namespace of the operator, and otherwise the defaults', async () => {
    const settings = await settingsWith({ security: { allowedSyscalls } });
    assert.deepEqual(settings.seccomp?.syscalls, new Set(allowedSyscalls));
    const others = await settingsWith({ security: { allowedSyscalls } }, { metadata: { name: 'other' } });
    assert.equal(others.seccomp, undefined);
  });

  it('are unknown until they were listed, and when they are not served any more', async () => {
    const unserved = new ApiError('404 page not found', { status: 404, reason: '', retryAfterMs: 10 });
    const watches: AbortController[] = [];
    let isServed = false;
    const client = {
      async *pages({ plural }: Resource) {
        if (plural === 'securityprofilesoperatordaemons' && !isServed) throw unserved;
        yield { items: [], resourceVersion: '1' };
      },
      watch: async ({ plural }: Resource, { onOpen }: WatchOptions, _onEvent: object, signal: AbortSignal) => {
        if (!isServed) throw unserved;
        onOpen?.();
        const cut = new AbortController();
        if (plural === 'securityprofilesoperatordaemons') watches.push(cut);
        await new Promise<void>((resolve) => {
          for (const each of [signal, cut.signal]) each.addEventListener('abort', () => resolve());
        });
      },
    } as unknown as ObjectClient;
    const view = new ClusterView({ client, log: new TestLog(), namespace: 'fairlead-system', pods: undefined });
    const notKnown = { kind: 'Unavailable', message: /^it is not known what the administrator allows: / } as const;
    assert.throws(() => view.settings(), notKnown);
    view.start();
    await until(() => view.daemons.problem !== undefined);
    assert.throws(() => view.settings(), { ...notKnown, message: /404 page not found$/ });
    isServed = true;
    await until(() => watches.length === 1);
    assert.equal(view.settings(), defaultSettings);
    isServed = false;
    watches[0]?.abort();
    await until(() => view.daemons.problem !== undefined);
    assert.throws(() => view.settings(), notKnown);
    await view.stop();
  });

  it('are unknown if they cannot be read: the defaults would allow everything', async () => {
    const log = new TestLog();
    await assert.rejects(settingsWith({ security: { allowedSyscalls: 'read' } }, { log }), /allowedSyscalls|Array/);
    const warnings = log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    assert.deepEqual(warnings, ['the settings cannot be read: profiles stay as they were decided']);
    const metadata = { name: 'other' };
    const other = new TestLog();
    await settingsWith({ security: { allowedSyscalls: 'read' } }, { metadata, log: other });
    assert.deepEqual(other.lines, []);
  });
});
