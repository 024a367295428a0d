import * as v from 'valibot';
import { type Pod, parsePod } from '../api/pod.ts';
import { mirrorPodAnnotation } from '../bind/decide.ts';
import { containerAnnotation, podAnnotation } from '../bind/seccomp-setting.ts';
import { appArmorAnnotation } from '../bind/unapplied-profile.ts';

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
  /** Absent if no controller would create the pod again. */
  readonly owner: PodOwner | undefined;
  /** False for a pod that has ended, or is not started yet. */
  readonly isRunning: boolean;
  /** With the annotations that decide. Others, which may have 256 KiB, are not held. */
  readonly pod: Pod;
}

/** Annotations that decide: their names, or what is before the name of a container. */
const deciding = [mirrorPodAnnotation, podAnnotation, containerAnnotation, appArmorAnnotation];

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
  const held = [...(annotations ?? [])].filter(([key]) => deciding.some((prefix) => key.startsWith(prefix)));
  return { metadata: { labels, annotations: held.length === 0 ? undefined : new Map(held) }, spec };
}

/** Returns the Deployment in place of its ReplicaSet, whose name is its own and the hash. */
function ownerOf({ apiVersion, kind, name }: PodOwner, hash: string | undefined): PodOwner {
  if (kind !== 'ReplicaSet' || hash === undefined || !name.endsWith(`-${hash}`)) return { apiVersion, kind, name };
  return { apiVersion, kind: 'Deployment', name: name.slice(0, -hash.length - 1) };
}
