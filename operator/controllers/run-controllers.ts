import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { WritableApiServer } from '#lib/kube/api-server';
import type { KubeLog } from '#lib/kube/log';
import type { KubeMetrics } from '#lib/kube/metrics';
import { ObjectClient } from '#lib/kube/object-client';
import type { ClusterState } from '../bind/cluster-state.ts';
import type { KnownDecisions } from '../node-decisions/node-decisions.ts';
import { runBindingControllers } from './binding-controller.ts';
import { ClusterView } from './cluster-view.ts';
import type { CoverageMetrics } from './coverage-metrics.ts';
import { CoverageView } from './coverage-view.ts';
import { createDefaultDaemon } from './default-daemon.ts';
import { type PodInformer, podInformer } from './pod-informer.ts';
import { runPolicyReportController } from './policy-report-controller.ts';
import { type ProfileControllerOptions, runProfileControllers } from './profile-controller.ts';
import { reportResources } from './stored-policy-report.ts';
import { runUnsupportedControllers } from './unsupported-controller.ts';

export interface ControllersOptions extends Pick<ProfileControllerOptions, 'profileMetrics' | 'pull' | 'report'> {
  readonly api: WritableApiServer;
  /** Writes for one leader only; see lib/kube/leader-election.ts. */
  readonly client?: ObjectClient;
  /** Returns the time of the API server; by default that of this machine. */
  readonly now?: () => Date;
  /** The namespace of the operator. */
  readonly namespace: string;
  /** What bindings refer to. Without it, bindings get no status. */
  readonly cluster?: ClusterState | undefined;
  /** Milliseconds after which the status of a binding is determined again, 30,000 by default. */
  readonly bindingPeriod?: number | undefined;
  /** What nodes decide about artifacts. Without it, bindings do not state it. */
  readonly decisions?: KnownDecisions | undefined;
  /** Another controller, for an API server that has pods. */
  readonly runForPods?: ((pods: PodInformer, signal: AbortSignal) => Promise<void>) | undefined;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
  readonly coverageMetrics?: CoverageMetrics | undefined;
}

/**
 * Runs all controllers until `signal` aborts, and resolves when no request is open any more. The
 * object with the settings is created if it does not exist. One replica at a time may run them.
 * Throws what the API server's client throws if it cannot be asked for what it serves.
 */
export async function runControllers(options: ControllersOptions, signal: AbortSignal): Promise<void> {
  const { api, namespace, log, metrics, runForPods } = options;
  const { client = new ObjectClient(api), now = () => new Date() } = options;
  const hasCore = await hasCoreResources(api);
  const pods = hasCore ? podInformer({ client, log, metrics }) : undefined;
  const view = new ClusterView({ ...options, client, pods });
  pods?.start();
  view.start();
  try {
    await Promise.all([
      pods && runForBindings({ ...options, client, pods }, signal),
      pods && runForPods?.(pods, signal),
      runProfileControllers({ ...options, client, view, now }, signal),
      runUnsupportedControllers({ client, log, metrics }, signal),
      createDefaultDaemon({ client, informer: view.daemons, namespace, log }, signal),
    ]);
  } finally {
    await Promise.all([view.stop(), pods?.stop()]);
  }
}

const defaultBindingPeriod = 30_000;
/** Milliseconds after which reports are compared with the coverage. */
const reportPeriod = 30_000;

async function runForBindings(
  {
    api,
    client,
    cluster,
    decisions,
    bindingPeriod = defaultBindingPeriod,
    log,
    metrics,
    coverageMetrics,
    pods,
  }: ControllersOptions & Pick<ProfileControllerOptions, 'client'> & { readonly pods: PodInformer },
  signal: AbortSignal,
): Promise<void> {
  if (cluster === undefined) return;
  const view = new CoverageView({ client, cluster, pods, log, metrics });
  view.start();
  const unfollow = coverageMetrics?.follow(view);
  try {
    const shared = { client, view, log, metrics };
    await Promise.all([
      runBindingControllers({ ...shared, decisions, period: bindingPeriod }, signal),
      ...reportResources.map((resource) =>
        runPolicyReportController({ ...shared, api, resource, period: reportPeriod }, signal),
      ),
    ]);
  } finally {
    unfollow?.();
    await view.stop();
  }
}

/**
 * Reports whether an API server has pods and nodes: one that serves only CRDs has none. It lists
 * the versions of the core API, which may be none. Any other answer, such as 404 of a proxy before
 * it, is an error: the controllers would do without pods for as long as they lead.
 */
async function hasCoreResources(api: WritableApiServer): Promise<boolean> {
  const title = 'list the versions of the core API';
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), versionsSchema), await api.get({ path: '/api', title }));
  if (answer.success) return answer.output.versions.includes('v1');
  throw new FairleadError('Unavailable', `cannot ${title}: the answer is not that of an API server`, {
    hint: 'Check the address of the API server, and the proxies before it.',
  });
}

/** The answer, APIVersions of meta/v1. */
const versionsSchema = v.object({ kind: v.literal('APIVersions'), versions: v.array(v.string()) });
