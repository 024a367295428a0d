import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { KubeClient } from '#lib/kube/client';
import { resources } from '#operator/api/resources';
import { runControllers } from '#operator/controllers/run-controllers';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { openApiServer } from '#operator/kube/api-server';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { type Document, resourceOf, serve } from '#test/support/apis/served-apis';
import { TestLog, until } from '#test/support/kube/widgets';

const apiVersion = 'security-profiles-operator.x-k8s.io/v1';

interface Stored {
  readonly status?: {
    readonly status?: string;
    readonly conditions?: readonly { readonly type: string; readonly message: string }[];
  };
}

/** The size is stated, and not an error of the API server, which cannot add a status to them. */
describePeers(apiserverRequirements, 'profiles that are too large, stored without the webhook', () => {
  let apiserver: Apiserver;
  let api: KubeClient;
  const log = new TestLog();
  const stopped = new AbortController();
  let running: Promise<void> | undefined;

  const create = async (kind: string, name: string, spec: object) => {
    const body = { apiVersion, kind, metadata: { name }, spec };
    const created = await apiserver.request('POST', `/apis/${apiVersion}/${resourceOf(kind).plural}`, body);
    assert.equal(created.status, 201, name);
  };
  const stateOf = async (kind: string, name: string): Promise<string> => {
    const { body } = await apiserver.request('GET', `/apis/${apiVersion}/${resourceOf(kind).plural}/${name}`);
    const { status } = body as Stored;
    return `${status?.status}: ${status?.conditions?.find(({ type }) => type === 'Ready')?.message}`;
  };

  before(async () => {
    apiserver = await startApiserver();
    for (const resource of resources) {
      await serve(apiserver.request, customResourceDefinition(resource) as Document);
    }
    api = await openApiServer(apiserver.kubeconfig);
  });
  after(async () => {
    stopped.abort();
    await running;
    api?.close();
    await apiserver?.stop();
  });

  it('state the limit in their status, and do not hold up others', async () => {
    const action = 'SCMP_ACT_ALLOW';
    const seccomp = (syscalls: object[]) => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });
    // API servers take seconds for lists of 100,000 items, and do not for fewer long ones.
    const long = 'x'.repeat(120);
    const entries = Array.from({ length: 7000 }, () => ({ names: [long], action }));
    const names = Array.from({ length: 9000 }, (_, index) => `s${index}${long}`);
    const readOnlyPaths = Array.from({ length: 9000 }, (_, index) => `/a/${index}/${long}`);
    await create('SeccompProfile', 'entries', seccomp(entries));
    await create('SeccompProfile', 'names', seccomp([{ names, action }]));
    await create('AppArmorProfile', 'paths', { abstract: { filesystem: { readOnlyPaths } } });
    await create('SeccompProfile', 'small', seccomp([{ names: ['read'], action }]));
    running = runControllers(
      {
        ...{ api, namespace: 'default', log, profileMetrics: { countError: () => undefined } },
        ...{ report: () => undefined, pull: () => Promise.reject(new Error('nothing is pulled')) },
      },
      stopped.signal,
    );
    const large = [
      ['SeccompProfile', 'entries'],
      ['SeccompProfile', 'names'],
      ['AppArmorProfile', 'paths'],
    ] as const;
    await until(async () => (await stateOf('SeccompProfile', 'small')).startsWith('Pending: no node'));
    const limit =
      'Error: the object has more than 1048576 bytes, and leaves no room for its status. Make the object smaller.';
    for (const [kind, name] of large) {
      await until(async () => (await stateOf(kind, name)) === limit, 60_000);
    }
    assert.deepEqual(
      log.lines.filter(({ level }) => level === 'warn'),
      [],
    );
  });
});
