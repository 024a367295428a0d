import type { CoveredPod } from './outdated-owners.ts';

/** The running pods on which a binding decides. */
export interface BindingCoverage {
  readonly pods: number;
  /** Pods that would run under another profile if they were created now. */
  readonly outdated: number;
  /** The Localhost profiles that it gives to new pods, sorted; several if they come from images. */
  readonly profiles: readonly string[];
  /** Running pods of which a container would be refused now, the first ten by name. */
  readonly conflicts: readonly Conflict[];
}

/** A running pod of which a container would be refused now. */
export interface Conflict {
  /** Its namespace and name. */
  readonly pod: string;
  readonly message: string;
}

const mostConflicts = 10;

/** The coverage of a binding that decides on no pod. */
export const noCoverage: BindingCoverage = { pods: 0, outdated: 0, profiles: [], conflicts: [] };

/**
 * Returns the key of a binding in {@link bindingCoverage}.
 *
 * @param label its name as `labelOf` returns it.
 * @param namespace where the pod or the binding is; it does not matter for one of the cluster.
 */
export function coverageKey(label: string, namespace: string | undefined): string {
  return label.startsWith('ClusterArtifactBinding/') ? label : `${namespace}/${label}`;
}

/** Returns the running pods on which each binding decides, by its key. */
export function bindingCoverage(pods: Iterable<CoveredPod>): ReadonlyMap<string, BindingCoverage> {
  const found = new Map<string, { pods: number; outdated: number; profiles: Set<string>; conflicts: Conflict[] }>();
  for (const { namespace, name, isRunning, containers } of pods) {
    if (!isRunning) continue;
    const labels = new Set(containers.flatMap(({ bindings }) => bindings));
    for (const label of labels) {
      const key = coverageKey(label, namespace);
      const own = found.get(key) ?? { pods: 0, outdated: 0, profiles: new Set<string>(), conflicts: [] };
      found.set(key, own);
      const decided = containers.filter(({ bindings }) => bindings.includes(label));
      own.pods += 1;
      if (decided.some(({ isOutdated }) => isOutdated)) own.outdated += 1;
      for (const { wanted } of decided) if (wanted !== undefined) own.profiles.add(wanted);
      const problem = decided.find((each) => each.problem !== undefined)?.problem;
      if (problem !== undefined) own.conflicts.push({ pod: `${namespace}/${name}`, message: problem });
    }
  }
  return new Map(
    [...found].map(([key, { profiles, conflicts, ...counts }]) => [
      key,
      {
        ...counts,
        profiles: [...profiles].toSorted(),
        conflicts: conflicts.toSorted((a, b) => (a.pod < b.pod ? -1 : 1)).slice(0, mostConflicts),
      },
    ]),
  );
}
