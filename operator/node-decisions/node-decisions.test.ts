import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { ObjectClient } from '#lib/kube/object-client';
import { profileRefusal } from '#lib/node/reference/profile-refusal';
import { parsePinned } from '#lib/registry/pinned-reference';
import { TestLog } from '#test/support/kube/widgets';
import { podInformer } from '../controllers/pod-informer.ts';
import { NodeDecisions } from './node-decisions.ts';

const reference = `registry.example.com/security/nginx@sha256:${'ab'.repeat(32)}`;
const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: `oci/${reference}` } };

const pod = (name: string, uid: string) => ({
  metadata: { name, namespace: 'web', uid, resourceVersion: '1' },
  spec: { nodeName: 'n1', securityContext, containers: [{ name: 'app' }] },
  status: { phase: 'Pending' },
});
const failure = (name: string, uid: string, note: string, time: string) => ({
  metadata: { name, namespace: 'web', uid: name, resourceVersion: '1' },
  ...{ reason: 'FailedCreatePodSandBox', note, regarding: { kind: 'Pod', uid } },
  deprecatedLastTimestamp: `2026-12-01T10:00:${time}Z`,
});
const refused = (kind: 'NotFound' | 'NotAllowed') =>
  `Failed to create pod sandbox: ${profileRefusal(new FairleadError(kind, 'no'), { reference: parsePinned(reference) }).message}`;

/** Returns what is known about the artifact in a cluster with these objects. */
async function decided(pods: readonly object[], events: readonly object[] | FairleadError) {
  const client = {
    async *pages({ plural }: { readonly plural: string }, { fieldSelector }: { readonly fieldSelector?: string }) {
      const isOfEvents = plural === 'events';
      if (isOfEvents) assert.equal(fieldSelector, 'reason=FailedCreatePodSandBox');
      if (isOfEvents && events instanceof FairleadError) throw events;
      yield { items: isOfEvents ? events : pods, resourceVersion: '1' };
    },
    watch: (_resource: object, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  } as unknown as ObjectClient;
  const options = { client, log: new TestLog() };
  const informer = podInformer(options);
  const decisions = new NodeDecisions();
  const known = Promise.withResolvers<void>();
  decisions.onChange(() => known.resolve());
  const stopped = new AbortController();
  const following = decisions.follow(informer, options, stopped.signal);
  assert.equal(decisions.about(reference), undefined, 'nothing is known before all is listed');
  informer.start();
  await known.promise;
  const found = decisions.about(reference);
  const elsewhere = decisions.about(reference, 'other');
  stopped.abort();
  await Promise.all([following, informer.stop()]);
  assert.equal(decisions.about(reference), undefined);
  assert.deepEqual(elsewhere, { isAccepted: false, refused: [] });
  return found?.refused.map(({ pod, node, kind }) => [pod, node, kind]);
}

describe('NodeDecisions', () => {
  it('knows from the newest event of a pod why it has no sandbox', async () => {
    const events = [
      failure('e1', 'u1', refused('NotFound'), '01'),
      failure('e2', 'u1', refused('NotAllowed'), '03'),
      failure('e3', 'u1', 'no network', '02'),
      failure('e4', 'u2', refused('NotFound'), '01'),
      failure('e5', 'u2', 'no network', '02'),
    ];
    assert.deepEqual(await decided([pod('a', 'u1'), pod('b', 'u2')], events), [['web/a', 'n1', 'NotAllowed']]);
  });

  it('takes no event of another pod that had the same name', async () => {
    assert.deepEqual(await decided([pod('a', 'u2')], [failure('e1', 'u1', refused('NotFound'), '01')]), []);
  });

  it('takes no event about an artifact that the pod itself does not name', async () => {
    const other = refused('NotFound').replace('nginx', 'other');
    assert.deepEqual(await decided([pod('a', 'u1')], [failure('e1', 'u1', other, '01')]), []);
  });

  it('knows the decisions of pods if events cannot be listed', async () => {
    const message = profileRefusal(new FairleadError('NotFound', 'no'), {
      reference: parsePinned(reference),
      container: 'app',
    }).message;
    const status = {
      containerStatuses: [{ name: 'app', state: { waiting: { reason: 'CreateContainerError', message } } }],
    };
    const forbidden = new FairleadError('NotAllowed', 'events is forbidden');
    assert.deepEqual(await decided([{ ...pod('a', 'u1'), status }], forbidden), [['web/a', 'n1', 'NotFound']]);
  });
});
