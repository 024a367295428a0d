import type { ArtifactBinding } from '../api/artifactbinding/v1alpha1/artifact-binding.ts';
import type { Pod } from '../api/pod.ts';
import {
  changedSettings,
  type Decided,
  decide,
  exemptionOf,
  fewNames,
  governing,
  type Refused,
  selecting,
  type Untouched,
  withEphemeralContainers,
} from './decide.ts';
import { type PatchOperation, pointerSegment } from './json-patch.ts';
import { allSettings } from './seccomp-setting.ts';

/**
 * The annotation of a bound pod with the names of the bindings that decided, separated by commas,
 * and `…` for more than 20. It is for people; nothing relies on it.
 */
export const boundByAnnotation = 'fairlead.dev/bound-by';

/** The outcome for a pod under the bindings of its namespace. */
export type BindOutcome =
  | Untouched
  | Refused
  | {
      readonly outcome: 'bound';
      /** Empty if the pod specifies already what the bindings want. */
      readonly patch: readonly PatchOperation[];
      /** Names of the bindings, sorted. */
      readonly bindings: readonly string[];
      readonly localhostProfile: string;
    };

/**
 * Applies bindings to a pod that is to be created. After it the pod and every container of it name
 * the one profile of its bindings, by the rules of {@link decide}, or the pod is refused; the pod's
 * author cannot loosen a binding.
 *
 * A privileged container is refused because runtimes apply no seccomp profile to it (KEP-6061
 * refuses it as well). Pods for Windows nodes have no seccomp, and mirror pods only show what a
 * kubelet runs anyway: both are left alone.
 */
export function bindPod(pod: Pod, bindings: readonly ArtifactBinding[]): BindOutcome {
  const exemption = exemptionOf(pod);
  if (exemption !== undefined) return { outcome: 'untouched', reason: exemption };
  const decision = decide(pod, allSettings(pod), selecting(pod, bindings));
  return decision.outcome === 'decided' ? bound(decision, annotate(pod, decision.bindings)) : decision;
}

/**
 * Applies bindings to the ephemeral containers that an update adds to a running pod (`kubectl
 * debug`), by the rules of {@link bindPod}. Of `pod`, the object of the request, only the ephemeral
 * containers count: the API server discards all else of it and keeps what stands in `before`. What
 * the pod had before cannot be changed any more and is not judged: it may be older than the
 * binding.
 */
export function bindEphemeralContainers(pod: Pod, before: Pod, bindings: readonly ArtifactBinding[]): BindOutcome {
  const stored = withEphemeralContainers(before, pod);
  const decision = decide(stored, changedSettings(stored, before), governing(before, bindings));
  return decision.outcome === 'decided' ? bound(decision, []) : decision;
}

function bound({ places, bindings, localhostProfile }: Decided, more: readonly PatchOperation[]): BindOutcome {
  const patch = [...places.flatMap((place) => place.patch), ...more];
  return { outcome: 'bound', patch, bindings, localhostProfile };
}

function annotate(pod: Pod, by: readonly string[]): PatchOperation[] {
  const { annotations } = pod.metadata;
  const value = fewNames(by).join(',');
  if (annotations === undefined) {
    return [{ op: 'add', path: '/metadata/annotations', value: { [boundByAnnotation]: value } }];
  }
  if (annotations.get(boundByAnnotation) === value) return [];
  return [{ op: 'add', path: `/metadata/annotations/${pointerSegment(boundByAnnotation)}`, value }];
}
