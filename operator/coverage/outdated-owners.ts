import * as v from 'valibot';
import { objectNameSchema } from '../api/shared/object-name.ts';
import type { ContainerCoverage } from './pod-coverage.ts';
import type { PodOwner, RunningPod } from './running-pod.ts';

/** A pod and what its containers run under. */
export interface CoveredPod extends Pick<RunningPod, 'namespace' | 'name' | 'owner' | 'isRunning'> {
  readonly containers: readonly ContainerCoverage[];
}

/** What has pods that are to be replaced at some time. */
export interface OwnerOfPods {
  readonly namespace: string;
  /** The pod itself if no controller would create it again. */
  readonly owner: PodOwner;
  /** The names of the pods, sorted. */
  readonly pods: readonly string[];
  /** The bindings that decide on them, sorted. */
  readonly bindings: readonly string[];
}

/** What has pods that would run under another profile if they were created now. */
export interface OutdatedOwner extends OwnerOfPods {
  /** What replaces the pods. */
  readonly remedy: Remedy;
}

/** A shell command of kubectl that replaces pods, or in words what does if no command can. */
export type Remedy = { readonly command: string } | { readonly note: string };

/** The CronJobs by the `namespace/name` of their Jobs. */
export type CronJobs = ReadonlyMap<string, PodOwner>;

/** The kinds that `kubectl rollout restart` knows. */
const restartable: ReadonlySet<string> = new Set(['apps Deployment', 'apps StatefulSet', 'apps DaemonSet']);
/** The kinds that replace a deleted pod. */
const replacing: ReadonlySet<string> = new Set(['apps ReplicaSet', ' ReplicationController']);
const notes: Readonly<Record<string, string>> = {
  'batch CronJob': 'its next run gets the profile',
  'batch Job': 'wait until it has ended, or create it again',
  ' Pod': 'create it again',
};

/** Reports whether a running pod would run under another profile if it was created now. */
export function isOutdatedPod({ isRunning, containers }: CoveredPod): boolean {
  return isRunning && containers.some(({ isOutdated }) => isOutdated);
}

/** Reports whether a pod runs under an artifact that the trust policy no longer allows. */
export function isWithdrawnPod({ isRunning, containers }: CoveredPod): boolean {
  return isRunning && containers.some(({ isWithdrawn }) => isWithdrawn);
}

/** Reports whether a Job has created a pod. */
export function isPodOfJob({ owner }: Pick<CoveredPod, 'owner'>): boolean {
  return owner !== undefined && kindOf(owner) === 'batch Job';
}

/**
 * Returns what has running pods under another profile than new ones would get, ordered by
 * namespace, kind and name; a CronJob in place of its Jobs. Nothing is restarted: when a workload
 * may be is the decision of its team.
 */
export function outdatedOwners(pods: readonly CoveredPod[], cronJobs: CronJobs = new Map()): readonly OutdatedOwner[] {
  const owners = ownersOf(pods.filter(isOutdatedPod), ({ isOutdated }) => isOutdated, cronJobs);
  return owners.map((each) => ({ ...each, remedy: remedyFor(each.namespace, each.owner, each.pods) }));
}

/**
 * Returns what has running pods under artifacts that the trust policy no longer allows, in the same
 * order. If they were created again, they would be refused.
 */
export function withdrawnOwners(pods: readonly CoveredPod[], cronJobs: CronJobs = new Map()): readonly OwnerOfPods[] {
  return ownersOf(pods.filter(isWithdrawnPod), ({ isWithdrawn }) => isWithdrawn, cronJobs);
}

function ownersOf(
  pods: readonly CoveredPod[],
  isConcerned: (container: ContainerCoverage) => boolean,
  cronJobs: CronJobs,
): readonly OwnerOfPods[] {
  const groups = new Map<string, { readonly owner: PodOwner; readonly pods: CoveredPod[] }>();
  for (const pod of pods) {
    const created = pod.owner ?? { apiVersion: 'v1', kind: 'Pod', name: pod.name };
    const owner = (isPodOfJob(pod) && cronJobs.get(`${pod.namespace}/${created.name}`)) || created;
    const key = [pod.namespace, owner.kind, owner.name, owner.apiVersion].join('/');
    const group = groups.get(key) ?? { owner, pods: [] };
    group.pods.push(pod);
    groups.set(key, group);
  }
  return [...groups]
    .toSorted(([one], [other]) => compareText(one, other))
    .map(([, { owner, pods: own }]) => ({
      namespace: own[0]?.namespace ?? '',
      owner,
      pods: own.map(({ name }) => name).toSorted(compareText),
      bindings: bindingsOf(own.flatMap(({ containers }) => containers.filter(isConcerned))),
    }));
}

function bindingsOf(containers: readonly ContainerCoverage[]): readonly string[] {
  return [...new Set(containers.flatMap(({ bindings }) => bindings))].toSorted(compareText);
}

function remedyFor(namespace: string, owner: PodOwner, pods: readonly string[]): Remedy {
  const kind = kindOf(owner);
  const kubectl = `kubectl -n ${namespace}`;
  // The author of a pod chooses its owner, and API servers accept any text as the name.
  if (restartable.has(kind) && v.is(objectNameSchema, owner.name)) {
    return { command: `${kubectl} rollout restart ${owner.kind.toLowerCase()}/${owner.name}` };
  }
  if (replacing.has(kind)) return { command: `${kubectl} delete pod ${pods.join(' ')}` };
  return { note: notes[kind] ?? 'create its pods again' };
}

/** Returns the group and the kind of an owner: another group may have a StatefulSet, too. */
function kindOf({ apiVersion, kind }: PodOwner): string {
  return `${apiVersion.includes('/') ? apiVersion.split('/', 1)[0] : ''} ${kind}`;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
