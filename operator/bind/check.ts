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
  refuse,
  selecting,
  type Untouched,
  withEphemeralContainers,
} from './decide.ts';
import { allSettings } from './seccomp-setting.ts';

/** The outcome of a check: whether a pod may be stored as it is. */
export type CheckOutcome = Untouched | Refused;

/**
 * Verifies that a pod is created bound: by the rules of `bindPod`, and with nothing left to write.
 * Refuses it if a place lacks the profile, which something added or changed after `bindPod` had
 * seen the pod.
 */
export function checkPod(pod: Pod, bindings: readonly ArtifactBinding[]): CheckOutcome {
  const exemption = exemptionOf(pod);
  if (exemption !== undefined) return { outcome: 'untouched', reason: exemption };
  return check(
    decide(pod, allSettings(pod), selecting(pod, bindings)),
    'A webhook that is called after Fairlead changed the pod. Configure it to write this profile, or not to change the pod.',
  );
}

/**
 * Verifies an update of a pod, as it is to be stored. Only what changes is judged, because a pod
 * may be older than its bindings: containers that are added, or ask for another profile than
 * before, must name the profile of the bindings that govern the pod; and a pod that more bindings
 * select than before must run under their profile.
 */
export function checkUpdate(pod: Pod, before: Pod, bindings: readonly ArtifactBinding[]): CheckOutcome {
  const selectedBefore = selecting(before, bindings);
  const gained = selecting(pod, bindings).filter((binding) => !selectedBefore.includes(binding));
  const joined = check(
    decide(pod, allSettings(pod), gained),
    'The profile of a running pod cannot be changed. Create another pod with these labels.',
  );
  if (joined.outcome === 'refused') return joined;
  return check(
    decide(pod, changedSettings(pod, before), governing(before, bindings)),
    'A webhook that is called after Fairlead changed the pod. Configure it to write this profile, or not to change the pod.',
  );
}

/** {@link checkUpdate} for an update of ephemeral containers: of `pod`, only these are stored. */
export function checkEphemeralContainers(pod: Pod, before: Pod, bindings: readonly ArtifactBinding[]): CheckOutcome {
  return checkUpdate(withEphemeralContainers(before, pod), before, bindings);
}

/**
 * Reports whether an update changes what selects a pod or what it runs under, so that bindings have
 * to be asked.
 */
export function changesBinding(pod: Pod, before: Pod): boolean {
  const labels = ({ metadata }: Pod) => JSON.stringify([...(metadata.labels ?? [])].toSorted());
  return (
    labels(pod) !== labels(before) ||
    exemptionOf(pod) !== exemptionOf(before) ||
    changedSettings(pod, before).length > 0
  );
}

/**
 * Decides on ephemeral containers that come without their pod, as from API servers before
 * Kubernetes 1.22: refuses them if the namespace has a binding, because it may be one that selects
 * the pod.
 */
export function checkUnseenPod(bindings: readonly ArtifactBinding[]): CheckOutcome {
  if (bindings.length === 0) return { outcome: 'untouched', reason: 'the namespace has no binding' };
  const names = fewNames(
    bindings.map(({ name }) => JSON.stringify(name)),
    5,
  );
  return {
    outcome: 'refused',
    reason:
      'an API server before Kubernetes 1.22 does not show the pod that an ephemeral container is added to, and any ' +
      `binding of the namespace may select it: ArtifactBinding ${names.join(', ')}`,
    hint: 'Debug with a separate pod, or upgrade the API server.',
  };
}

function check(decision: Untouched | Refused | Decided, hint: string): CheckOutcome {
  if (decision.outcome !== 'decided') return decision;
  const lacking = decision.places.filter(({ patch }) => patch.length > 0);
  if (lacking.length === 0) return { outcome: 'untouched', reason: 'it is bound' };
  return refuse(
    decision,
    lacking.map(({ title }) => `${title} does not name it`),
    hint,
  );
}
