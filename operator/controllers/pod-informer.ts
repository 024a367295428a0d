import { toFairleadError } from '#lib/errors';
import { Informer } from '#lib/kube/informer';
import type { InformerMetrics } from '#lib/kube/informer-options';
import type { KubeObject } from '#lib/kube/kube-object';
import type { KubeLog } from '#lib/kube/log';
import type { ObjectClient } from '#lib/kube/object-client';
import { objectKey, type Resource } from '#lib/kube/resource';
import { type RunningPod, readRunningPod } from '../coverage/running-pod.ts';
import { type PodDecision, podDecisions } from '../node-decisions/pod-decisions.ts';
import { SharedValues } from './shared-values.ts';
import { parseWorkload, type Workload } from './workload.ts';

/** A pod, as the controllers need it. */
export interface FollowedPod extends Workload {
  /** Undefined for a pod that admission would not read: only what it uses is known. */
  readonly running: RunningPod | undefined;
  /** What it shows about the artifacts that it names; absent if that is nothing. */
  readonly decisions?: readonly PodDecision[];
}

/**
 * The pods of the cluster, by the profiles that they use, and the artifacts about which they show a
 * decision.
 */
export type PodInformer = Informer<FollowedPod, 'uses' | 'artifact'>;

export interface PodInformerOptions {
  readonly client: ObjectClient;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
}

/** Most characters that are held of a pod, as JSON. Usual pods have one or two thousand. */
const mostHeld = 16 * 1024;

const pods: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

/** What the pods of one owner have alike, such as tens of thousands of a Deployment. */
type Alike = Pick<FollowedPod, 'uses'> & Omit<RunningPod, 'name' | 'isRunning'>;

/**
 * Returns the informer of all pods; the caller starts it. All controllers share it, so that the API
 * server sends each pod once.
 */
export function podInformer(options: PodInformerOptions): PodInformer {
  const shared = new SharedValues<Alike>(mostHeld);
  return new Informer({
    ...options,
    resource: pods,
    parse: (object): FollowedPod => ({ ...followedPod(object, options.log, shared), ...decisionsOf(object) }),
    indexes: {
      uses: ({ uses }: FollowedPod) => uses,
      artifact: ({ decisions = [] }: FollowedPod) => decisions.map(({ artifact }) => artifact),
    },
  });
}

/**
 * A pod that cannot be read as a whole must still keep the profiles that it uses. So must one that
 * is too large: authors of pods could exhaust the memory with thousands of labels.
 */
function followedPod(object: KubeObject, log: KubeLog, shared: SharedValues<Alike>): FollowedPod {
  const workload = parseWorkload(object);
  try {
    const { name, isRunning, ...others } = readRunningPod(object);
    const { uses, namespace, owner, pod } = shared.share({ uses: workload.uses, ...others });
    return { name: workload.name, uses, running: { namespace, name, owner, isRunning, pod } };
  } catch (thrown) {
    log.info(
      { pod: objectKey(object.metadata), err: toFairleadError(thrown) },
      'a pod is in no report of the coverage',
    );
    return { name: workload.name, uses: workload.uses, running: undefined };
  }
}

function decisionsOf(object: KubeObject): Pick<FollowedPod, 'decisions'> {
  const decisions = podDecisions(object);
  return decisions.length === 0 ? {} : { decisions };
}
