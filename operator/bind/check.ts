import type { Pod } from '../api/pod.ts';
import { type Binding, inOrder, titleOf } from './binding.ts';
import {
  type BindingContext,
  bindingsFor,
  changedSettings,
  type Decided,
  decide,
  exemptionOf,
  governing,
  type Refused,
  selecting,
  type Untouched,
  withEphemeralContainers,
} from './decide.ts';
import { containerOf, expensivePatterns, fewNames } from './judge.ts';
import { refuse } from './refusal.ts';
import { allSettings, type SeccompSetting } from './seccomp-setting.ts';
import { mostSpecific, podBudget, type TooExpensive } from './specificity.ts';

/** The outcome of a check: whether a pod may be stored as it is. */
export type CheckOutcome = Untouched | Refused;

const changedByAnother =
  'A webhook that is called after Fairlead changed the pod. Configure it to write this profile, or not to change the pod.';

/**
 * Verifies that a pod is created bound: by the rules of `bindPod`, and with nothing left to write.
 * Refuses it if a place lacks the profile, which something added or changed after `bindPod` had
 * seen the pod.
 */
export function checkPod(pod: Pod, context: BindingContext): CheckOutcome {
  const exemption = exemptionOf(pod);
  if (exemption !== undefined) return { outcome: 'untouched', reason: exemption };
  const bindings = bindingsFor(context);
  if ('outcome' in bindings) return bindings;
  return check(decide(pod, allSettings(pod), selecting(pod, bindings), context), changedByAnother);
}

/**
 * Verifies an update of a pod, as it is to be stored. Only what changes is judged, because a pod
 * may be older than its bindings: containers that are added, or ask for another profile than
 * before, must name the profile of the bindings that govern the pod; and a place on which a binding
 * comes to decide, by the labels of the pod or the image of the container, must run under its
 * profile.
 */
export function checkUpdate(pod: Pod, before: Pod, context: BindingContext): CheckOutcome {
  const bindings = bindingsFor(context);
  if ('outcome' in bindings) return bindings;
  const joining = joiningSettings(pod, before, bindings);
  if ('tooExpensive' in joining) {
    const { problem, hint } = expensivePatterns(joining);
    return { outcome: 'refused', reason: problem, hint };
  }
  const joined = check(
    decide(pod, joining, selecting(pod, bindings), context),
    'The profile of a running pod cannot be changed. Create another pod with these labels and images.',
  );
  if (joined.outcome === 'refused') return joined;
  return check(
    decide(pod, changedSettings(pod, before), governing(before, bindings, context), context),
    changedByAnother,
  );
}

/** {@link checkUpdate} for an update of ephemeral containers: of `pod`, only these are stored. */
export function checkEphemeralContainers(pod: Pod, before: Pod, context: BindingContext): CheckOutcome {
  return checkUpdate(withEphemeralContainers(before, pod), before, context);
}

/**
 * Returns the places of a pod that were there before, and on which a binding comes to decide: one
 * that did not select the pod or, for a container whose image changes, did not decide on it or
 * takes the profile from the image.
 */
function joiningSettings(
  pod: Pod,
  before: Pod,
  bindings: readonly Binding[],
): readonly SeccompSetting[] | TooExpensive {
  const [now, then] = [selecting(pod, bindings), selecting(before, bindings)];
  const old = new Map(allSettings(before).map((setting) => [setting.key, setting]));
  const budget = podBudget();
  const joining: SeccompSetting[] = [];
  for (const setting of allSettings(pod)) {
    const was = old.get(setting.key);
    if (was === undefined) continue;
    const [container, containerBefore] = [containerOf(setting), containerOf(was)];
    const deciding = mostSpecific(now, container, budget);
    if ('tooExpensive' in deciding) return deciding;
    if (setting.container?.image === was.container?.image) {
      if (deciding.some((binding) => !then.includes(binding))) joining.push(setting);
      continue;
    }
    const decided = mostSpecific(then, containerBefore, budget);
    if ('tooExpensive' in decided) return decided;
    // What selects by images is not known for one without a valid name.
    const isUnreadable = container !== undefined && container.image === undefined;
    const isNew = (binding: Binding): boolean => !decided.includes(binding) || binding.source.from === 'image';
    if (isUnreadable || deciding.some(isNew)) joining.push(setting);
  }
  return joining;
}

/**
 * Reports whether an update changes what selects a pod or what it runs under, so that bindings have
 * to be asked.
 */
export function changesBinding(pod: Pod, before: Pod): boolean {
  const labels = ({ metadata }: Pod) => JSON.stringify([...(metadata.labels ?? [])].toSorted());
  const images = (of: Pod) => JSON.stringify(allSettings(of).map(({ key, container }) => [key, container?.image]));
  return (
    labels(pod) !== labels(before) ||
    images(pod) !== images(before) ||
    exemptionOf(pod) !== exemptionOf(before) ||
    changedSettings(pod, before).length > 0
  );
}

/**
 * Decides on ephemeral containers that come without their pod, as from API servers before
 * Kubernetes 1.22: refuses them if a binding is for the namespace, because it may be one that
 * selects the pod.
 */
export function checkUnseenPod(context: BindingContext): CheckOutcome {
  const bindings = bindingsFor(context);
  if ('outcome' in bindings) return bindings;
  if (bindings.length === 0) return { outcome: 'untouched', reason: 'no binding is for the namespace' };
  const names = fewNames(inOrder(bindings).map(titleOf), 5);
  return {
    outcome: 'refused',
    reason:
      'an API server before Kubernetes 1.22 does not show the pod that an ephemeral container is added to, and any ' +
      `binding for the namespace may select it: ${names.join(', ')}`,
    hint: 'Debug with a separate pod, or upgrade the API server.',
  };
}

function check(decision: Untouched | Refused | Decided, hint: string): CheckOutcome {
  if (decision.outcome !== 'decided') return decision;
  const lacking = decision.places.filter(({ patch }) => patch.length > 0);
  if (lacking.length === 0) return { outcome: 'untouched', reason: 'it is bound' };
  return refuse(
    lacking.map((place) => ({ ...place, text: `${place.title} does not name it` })),
    hint,
  );
}
