import { setTimeout as sleep } from 'node:timers/promises';
import { forEachOf } from '#lib/concurrency/for-each-of';
import { KubeClient } from '#lib/kube/client';
import { ObjectClient } from '#lib/kube/object-client';
import { resources } from '#operator/api/resources';
import { groupResource, nodeStatuses } from '#operator/controllers/cluster-view';
import { runControllers } from '#operator/controllers/run-controllers';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { startApiserver } from '#test/peers/apiserver';
import { serve } from '#test/support/apis/served-apis';
import { Front } from '#test/support/kube/front';
import { TestLog } from '#test/support/kube/widgets';

/** Profiles, each with a report of one node. FAIRLEAD_BENCH_PROFILES=10000. */
const profiles = Number(process.env['FAIRLEAD_BENCH_PROFILES'] ?? 2000);
const atOnce = 16;

/**
 * The requests that the controllers send for many profiles with reports of a node: when none has a
 * status, and again when all have, as after a restart; with the memory of this process.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const apiserver = await startApiserver();
  const front = await Front.start(apiserver);
  const api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 10_000 });
  const direct = new ObjectClient(await KubeClient.open({ kubeconfig: apiserver.kubeconfig, answerWithin: 10_000 }));
  try {
    for (const resource of resources) await serve(apiserver.request, { ...customResourceDefinition(resource) });
    await apiserver.request('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    await fill(direct);
    await run(api, front, (line) => report(`${profiles} profiles and reports, none with a status: ${line}`));
    await run(api, front, (line) => report(`the same again, nothing to write: ${line}`));
  } finally {
    api.close();
    await front.stop();
    await apiserver.stop();
  }
}

async function fill(client: ObjectClient): Promise<void> {
  const seccomp = groupResource('SeccompProfile', 'seccompprofiles');
  const names = Array.from({ length: profiles }, (_, index) => `p${index}`);
  await forEachOf(names, atOnce, async (name) => {
    await client.create(seccomp, { metadata: { name }, spec: { defaultAction: 'SCMP_ACT_ERRNO' } });
    const labels = { 'spo.x-k8s.io/profile-id': `SeccompProfile-${name}` };
    const status = { status: { status: 'Installed' } };
    await client.create(nodeStatuses, { metadata: { name: `${name}-n1`, labels }, spec: { nodeName: 'n1' } });
    await client.mergePatch(nodeStatuses, { name: `${name}-n1` }, status, { subresource: 'status' });
  });
}

/** Runs the controllers until they have sent nothing for three seconds. */
async function run(api: KubeClient, front: Front, report: (line: string) => void): Promise<void> {
  front.requests.length = 0;
  const stopped = new AbortController();
  const begun = performance.now();
  const pull = async (): Promise<never> => {
    throw new Error('there are no base profiles');
  };
  const options = { api, namespace: 'default', log: new TestLog(), pull, report: () => undefined };
  const running = runControllers(options, stopped.signal);
  let last = begun;
  for (let seen = -1; performance.now() - last < 3000; await sleep(50)) {
    if (seen === front.requests.length) continue;
    seen = front.requests.length;
    last = performance.now();
  }
  const { rss } = process.memoryUsage();
  stopped.abort();
  await running;
  const written = front.count(({ method }) => method !== 'GET');
  const read = front.requests.length - written;
  report(
    `${written} requests that write, ${read} that read, ${((last - begun) / 1000).toFixed(1)} s, ` +
      `${Math.round(rss / 2 ** 20)} MiB`,
  );
}
