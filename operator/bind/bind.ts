import type { Pod } from '../api/pod.ts';
import { inOrder, labelOf } from './binding.ts';
import { localhostProfileOf } from './bound-profile.ts';
import {
  type BindingContext,
  bindingsFor,
  changedSettings,
  type DecidedPlace,
  decide,
  exemptionOf,
  governing,
  type Refused,
  selecting,
  type Untouched,
  withEphemeralContainers,
} from './decide.ts';
import { type PatchOperation, pointerSegment } from './json-patch.ts';
import { fewNames } from './judge.ts';
import { allSettings } from './seccomp-setting.ts';

/**
 * The annotation of a bound pod with the names of the bindings that decided, separated by commas,
 * and `…` for more than 20. It is for people; nothing relies on it.
 */
export const boundByAnnotation = 'fairlead.dev/bound-by';

/** The outcome for a pod under the bindings of its namespace and of the cluster. */
export type BindOutcome =
  | Untouched
  | Refused
  | {
      readonly outcome: 'bound';
      /** Empty if the pod specifies already what the bindings want. */
      readonly patch: readonly PatchOperation[];
      /** The bindings that decided, in their order. */
      readonly bindings: readonly string[];
      /** The profiles that they specify, without what the pod asks for in addition. */
      readonly localhostProfiles: readonly string[];
    };

/**
 * Applies bindings to a pod that is to be created. After it the pod and every container of it that
 * a binding matches name the profile of the most specific one, by the rules of {@link decide}, or
 * the pod is refused; the pod's author cannot loosen a binding.
 *
 * A privileged container is refused because runtimes apply no seccomp profile to it (KEP-6061
 * refuses it as well). Pods for Windows nodes have no seccomp, and mirror pods only show what a
 * kubelet runs anyway: both are left alone.
 */
export function bindPod(pod: Pod, context: BindingContext): BindOutcome {
  const exemption = exemptionOf(pod);
  if (exemption !== undefined) return { outcome: 'untouched', reason: exemption };
  const bindings = bindingsFor(context);
  if ('outcome' in bindings) return bindings;
  const decision = decide(pod, allSettings(pod), selecting(pod, bindings), context);
  return decision.outcome === 'decided' ? bound(decision.places, pod) : decision;
}

/**
 * Applies bindings to the ephemeral containers that an update adds to a running pod (`kubectl
 * debug`), by the rules of {@link bindPod}. Of `pod`, the object of the request, only the ephemeral
 * containers count: the API server discards all else of it and keeps what stands in `before`. What
 * the pod had before cannot be changed any more and is not judged: it may be older than the
 * binding.
 */
export function bindEphemeralContainers(pod: Pod, before: Pod, context: BindingContext): BindOutcome {
  const bindings = bindingsFor(context);
  if ('outcome' in bindings) return bindings;
  const stored = withEphemeralContainers(before, pod);
  const governed = governing(before, bindings, context);
  const decision = decide(stored, changedSettings(stored, before), governed, context);
  return decision.outcome === 'decided' ? bound(decision.places, undefined) : decision;
}

/** Returns the outcome for some places, and for the annotation of `annotated` if it is given. */
function bound(places: readonly DecidedPlace[], annotated: Pod | undefined): BindOutcome {
  const bindings = inOrder([...new Set(places.flatMap((place) => place.bindings))]).map(labelOf);
  const localhostProfiles = [...new Set(places.map(({ profile }) => localhostProfileOf(profile)))];
  const patch = places.flatMap((place) => place.patch);
  if (annotated !== undefined) patch.push(...annotate(annotated, bindings));
  return { outcome: 'bound', patch, bindings, localhostProfiles };
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
