import * as v from 'valibot';
import { type Pod, parsePod } from '../api/pod.ts';

/** What creates pods, and therefore creates them anew: the object that its user knows. */
export interface PodOwner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** A pod of the cluster. */
export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  /** Absent if nobody would create the pod again. */
  readonly owner: PodOwner | undefined;
  /** False for a pod that has ended, or is not started yet. */
  readonly isRunning: boolean;
  /** Of its annotations, only those that decide on profiles. */
  readonly pod: Pod;
}

const ownerSchema = v.object({
  apiVersion: v.string(),
  kind: v.string(),
  name: v.string(),
  controller: v.optional(v.boolean()),
});

const podSchema = v.object({
  metadata: v.object({
    namespace: v.string(),
    name: v.string(),
    labels: v.nullish(v.record(v.string(), v.string())),
    ownerReferences: v.nullish(v.array(ownerSchema)),
  }),
  status: v.optional(v.object({ phase: v.optional(v.string()) }), {}),
});

/**
 * The annotations that decide on profiles: of mirror pods, of seccomp before Kubernetes 1.27, and
 * of AppArmor before 1.30. Others, such as the addresses that a network plugin writes, differ
 * between pods that are the same otherwise.
 */
const decidingAnnotation =
  /^(kubernetes\.io\/config\.mirror$|(container\.)?seccomp\.security\.alpha\.|container\.apparmor\.security\.beta\.)/;

/** The label of a Deployment's pods that ends the name of their ReplicaSet. */
const hashLabel = 'pod-template-hash';

/** Reads a pod. Throws valibot's error, and InvalidInput as {@link parsePod} does. */
export function readRunningPod(object: unknown): RunningPod {
  const { metadata, status } = v.parse(podSchema, object);
  const { namespace, name, labels, ownerReferences } = metadata;
  const controller = ownerReferences?.find((owner) => owner.controller === true);
  return {
    namespace,
    name,
    owner: controller && ownerOf(controller, labels?.[hashLabel]),
    isRunning: status.phase === 'Running',
    pod: withDecidingAnnotations(parsePod(object)),
  };
}

function withDecidingAnnotations({ metadata: { labels, annotations }, spec }: Pod): Pod {
  const deciding = [...(annotations ?? [])].filter(([key]) => decidingAnnotation.test(key));
  return { metadata: { labels, annotations: deciding.length === 0 ? undefined : new Map(deciding) }, spec };
}

/** Returns the Deployment in place of its ReplicaSet, whose name is its own and the hash. */
function ownerOf({ apiVersion, kind, name }: PodOwner, hash: string | undefined): PodOwner {
  if (kind !== 'ReplicaSet' || hash === undefined || !name.endsWith(`-${hash}`)) return { apiVersion, kind, name };
  return { apiVersion, kind: 'Deployment', name: name.slice(0, -hash.length - 1) };
}
