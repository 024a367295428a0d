import type { CoveredPod } from './outdated-owners.ts';
import { type CoverageState, coverageStates, isVouchedFor } from './pod-coverage.ts';

/** What the running pods of a namespace run under. */
export interface NamespaceCoverage {
  readonly namespace: string;
  readonly pods: number;
  /** Pods of which each container runs under a profile that somebody has vouched for. */
  readonly vouchedFor: number;
  readonly outdated: number;
  /** How many containers are in each state; all states. */
  readonly containers: Readonly<Record<CoverageState, number>>;
}

/** Returns the coverage of each namespace that has running pods, in the order of their names. */
export function namespaceCoverage(pods: readonly CoveredPod[]): readonly NamespaceCoverage[] {
  const running = pods.filter(({ isRunning }) => isRunning);
  const names = [...new Set(running.map(({ namespace }) => namespace))].toSorted();
  return names.map((namespace) => {
    const own = running.filter((pod) => pod.namespace === namespace);
    const states = own.flatMap(({ containers }) => containers.map(({ state }) => state));
    const count = (wanted: CoverageState): number => states.filter((state) => state === wanted).length;
    return {
      namespace,
      pods: own.length,
      vouchedFor: own.filter(({ containers }) => containers.every(isVouchedFor)).length,
      outdated: own.filter(({ containers }) => containers.some(({ isOutdated }) => isOutdated)).length,
      containers: Object.fromEntries(
        coverageStates.map((state) => [state, count(state)]),
      ) as NamespaceCoverage['containers'],
    };
  });
}
