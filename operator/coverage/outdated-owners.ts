import type { ContainerCoverage } from './pod-coverage.ts';
import type { PodOwner, RunningPod } from './running-pod.ts';

/** A pod and what its containers run under. */
export interface CoveredPod extends Pick<RunningPod, 'namespace' | 'name' | 'owner' | 'isRunning'> {
  readonly containers: readonly ContainerCoverage[];
}

/** What has pods that would run under another profile if they were created now. */
export interface OutdatedOwner {
  readonly namespace: string;
  /** The pod itself if nobody would create it again. */
  readonly owner: Pick<PodOwner, 'kind' | 'name'>;
  /** The names of the pods, sorted. */
  readonly pods: readonly string[];
  /** The bindings whose profile they lack, sorted. */
  readonly bindings: readonly string[];
  /** The shell command that replaces the pods, if kubectl can replace them. */
  readonly command: string | undefined;
}

/** The kinds that `kubectl rollout restart` knows. */
const restartable: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);
/** The kinds that replace a deleted pod. */
const replacing: ReadonlySet<string> = new Set(['ReplicaSet', 'ReplicationController']);

/**
 * Returns what has running pods under another profile than new ones would get, ordered by
 * namespace, kind and name. Nothing is restarted: when a workload may be is the decision of its
 * team.
 */
export function outdatedOwners(pods: readonly CoveredPod[]): readonly OutdatedOwner[] {
  const groups = new Map<string, { readonly owner: OutdatedOwner['owner']; readonly pods: CoveredPod[] }>();
  for (const pod of pods) {
    if (!pod.isRunning || !pod.containers.some(({ isOutdated }) => isOutdated)) continue;
    const { kind, name } = pod.owner ?? { kind: 'Pod', name: pod.name };
    const key = [pod.namespace, kind, name].join('/');
    const group = groups.get(key) ?? { owner: { kind, name }, pods: [] };
    group.pods.push(pod);
    groups.set(key, group);
  }
  return [...groups]
    .toSorted(([one], [other]) => compareText(one, other))
    .map(([, group]) => outdatedOwner(group.owner, group.pods));
}

function outdatedOwner(owner: OutdatedOwner['owner'], pods: readonly CoveredPod[]): OutdatedOwner {
  const namespace = pods[0]?.namespace ?? '';
  const names = pods.map(({ name }) => name).toSorted(compareText);
  const outdated = pods.flatMap(({ containers }) => containers.filter(({ isOutdated }) => isOutdated));
  return {
    namespace,
    owner,
    pods: names,
    bindings: [...new Set(outdated.flatMap(({ bindings }) => bindings))].toSorted(compareText),
    command: commandFor(namespace, owner, names),
  };
}

function commandFor(
  namespace: string,
  { kind, name }: OutdatedOwner['owner'],
  pods: readonly string[],
): string | undefined {
  if (restartable.has(kind)) return `kubectl -n ${namespace} rollout restart ${kind.toLowerCase()}/${name}`;
  if (replacing.has(kind)) return `kubectl -n ${namespace} delete pod ${pods.join(' ')}`;
  return undefined;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
