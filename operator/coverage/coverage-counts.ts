import type { CoveredPod } from './outdated-owners.ts';
import { type CoverageState, coverageStates, isVouchedFor } from './pod-coverage.ts';

/** How many pods and containers run under what. */
export interface CoverageCounts {
  readonly pods: number;
  /** Pods of which each container runs under a profile that is vouched for. */
  readonly covered: number;
  readonly outdated: number;
  /** How many containers are in each state; all states. */
  readonly containers: Readonly<Record<CoverageState, number>>;
}

/** Counts those of some pods that run. */
export function coverageCounts(pods: Iterable<CoveredPod>): CoverageCounts {
  const counts = { pods: 0, covered: 0, outdated: 0 };
  const states = new Map<CoverageState, number>(coverageStates.map((state) => [state, 0]));
  for (const { isRunning, containers } of pods) {
    if (!isRunning) continue;
    counts.pods += 1;
    if (containers.every(isVouchedFor)) counts.covered += 1;
    if (containers.some(({ isOutdated }) => isOutdated)) counts.outdated += 1;
    for (const { state } of containers) states.set(state, (states.get(state) ?? 0) + 1);
  }
  return { ...counts, containers: Object.fromEntries(states) as CoverageCounts['containers'] };
}
