import { type CoverageCounts, coverageCounts } from './coverage-counts.ts';
import type { CoveredPod } from './outdated-owners.ts';

/** What the running pods of a namespace run under. */
export interface NamespaceCoverage extends CoverageCounts {
  readonly namespace: string;
}

/** Returns the coverage of each namespace that has running pods, in the order of their names. */
export function namespaceCoverage(pods: readonly CoveredPod[]): readonly NamespaceCoverage[] {
  const byNamespace = Map.groupBy(
    pods.filter(({ isRunning }) => isRunning),
    ({ namespace }) => namespace,
  );
  return [...byNamespace.keys()]
    .toSorted()
    .map((namespace) => ({ namespace, ...coverageCounts(byNamespace.get(namespace) ?? []) }));
}
