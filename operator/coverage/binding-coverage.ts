import { type Binding, labelOf } from '../bind/binding.ts';
import type { CoveredPod } from './outdated-owners.ts';

/** The running pods on which a binding decides. */
export interface BindingCoverage {
  readonly pods: number;
  /** Pods that would run under another profile if they were created now. */
  readonly outdated: number;
  /** The Localhost profiles that it gives to new pods, sorted; several if they come from images. */
  readonly profiles: readonly string[];
  /** Why it gives none to a container, at most ten, each once. */
  readonly problems: readonly string[];
}

const mostProblems = 10;

/**
 * Returns the running pods on which a binding decides.
 *
 * @param namespace the namespace of the binding; undefined for one of the cluster.
 */
export function bindingCoverage(
  binding: Binding,
  namespace: string | undefined,
  pods: readonly CoveredPod[],
): BindingCoverage {
  const label = labelOf(binding);
  const decided = pods
    .filter((pod) => pod.isRunning && (namespace === undefined || pod.namespace === namespace))
    .map(({ containers }) => containers.filter(({ bindings }) => bindings.includes(label)))
    .filter((containers) => containers.length > 0);
  const containers = decided.flat();
  return {
    pods: decided.length,
    outdated: decided.filter((each) => each.some(({ isOutdated }) => isOutdated)).length,
    profiles: [...new Set(containers.flatMap(({ wanted }) => wanted ?? []))].toSorted(),
    problems: [...new Set(containers.flatMap(({ problem }) => problem ?? []))].slice(0, mostProblems),
  };
}
