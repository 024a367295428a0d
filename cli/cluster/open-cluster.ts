import { type Command, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import type { KubeObject } from '#lib/kube/kube-object';
import type { ObjectClient } from '#lib/kube/object-client';
import type { CoveredPod, CronJobs } from '#operator/coverage/outdated-owners';
import type { RunningPod } from '#operator/coverage/running-pod';
import type { ClusterSnapshot } from '#operator/kube/cluster-snapshot';

/** The options that kubectl has too. */
export interface ClusterOptions {
  readonly namespace?: string;
  readonly allNamespaces?: true;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** A cluster as a person reads it. */
export interface OpenCluster {
  readonly client: ObjectClient;
  /** The namespace that is asked about; undefined for all. */
  readonly namespace: string | undefined;
}

/** Milliseconds in which a call must be answered: lists of large clusters take seconds. */
const answerWithin = 30_000;

const hints = {
  unauthenticated: 'Check the credentials of the kubeconfig: `kubectl auth whoami`.',
  unauthorized: 'Ask for the ClusterRole fairlead-view, which may read what decides on pods.',
  unserved: 'Install the APIs of this version: fairlead operator manifests --crds.',
  busy: 'Try again in a few seconds.',
  unanswered: 'Check the address of the API server: `kubectl cluster-info`.',
};

/** Adds the options that name the cluster and, with `all`, the one for all namespaces. */
export function addClusterOptions(command: Command, { all }: { readonly all: boolean }): Command {
  command.addOption(new Option('-n, --namespace <name>', 'namespace (default: that of the context)'));
  if (all) {
    command.addOption(new Option('-A, --all-namespaces', 'all namespaces').conflicts('namespace'));
  }
  return command
    .option('--kubeconfig <file>', 'kubeconfig (default: $KUBECONFIG, or ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig (default: the current one)');
}

/** Opens the cluster that the options name. Throws InvalidInput for an invalid kubeconfig. */
export async function openCluster(options: ClusterOptions): Promise<OpenCluster> {
  const [{ KubeClient }, { ObjectClient }] = await Promise.all([
    import('#lib/kube/client'),
    import('#lib/kube/object-client'),
  ]);
  const { client, namespace } = await KubeClient.openAsUser(options, { answerWithin, hints });
  return {
    client: new ObjectClient(client),
    namespace: options.allNamespaces ? undefined : (options.namespace ?? namespace),
  };
}

/** Reads the pods of the namespace, or of all, and what decides on them. */
export async function readCluster({ client, namespace }: OpenCluster): Promise<{
  readonly snapshot: ClusterSnapshot;
  readonly pods: readonly CoveredPod[];
}> {
  const [{ readSnapshot, readPods }, { podCoverage }] = await Promise.all([
    import('#operator/kube/cluster-snapshot'),
    import('#operator/coverage/pod-coverage'),
  ]);
  const [snapshot, pods] = await Promise.all([readSnapshot(client, namespace), readPods(client, namespace)]);
  return {
    snapshot,
    pods: pods.map((each) => ({ ...each, containers: podCoverage(each.pod, snapshot.contextOf(each.namespace)) })),
  };
}

/** Reads which CronJobs have created the Jobs of the namespace, or of all. */
export async function readClusterCronJobs({ client, namespace }: OpenCluster): Promise<CronJobs> {
  const { readCronJobs } = await import('#operator/kube/cluster-snapshot');
  return await readCronJobs(client, namespace);
}

/** Reads one pod, and what decides on it. Throws NotFound if there is no such pod. */
export async function readClusterPod(
  { client, namespace }: OpenCluster,
  name: string,
): Promise<{ readonly snapshot: ClusterSnapshot; readonly object: KubeObject; readonly pod: RunningPod }> {
  const { readSnapshot, readPod } = await import('#operator/kube/cluster-snapshot');
  if (namespace === undefined) throw new FairleadError('Internal', 'a pod without a namespace');
  const [snapshot, read] = await Promise.all([readSnapshot(client, namespace), readPod(client, { namespace, name })]);
  return { snapshot, ...read };
}
