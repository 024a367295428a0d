import { Gauge, type Registry } from 'prom-client';
import { coverageCounts } from '../coverage/coverage-counts.ts';
import type { CoveredPod } from '../coverage/outdated-owners.ts';

/** Where the metrics have the pods from. */
export interface CoveredPods {
  /** Whether all pods and bindings have been listed. */
  readonly hasSynced: boolean;
  /** Returns what pods run under, which may be some seconds old. */
  coverage(): Promise<{ readonly pods: readonly CoveredPod[] }>;
}

/**
 * Counts running pods by what they run under, when the metrics are read, by the function that
 * `fairlead cluster coverage` counts with. Only the leader follows pods: others have no values. No
 * label depends on an object of the cluster.
 */
export class CoverageMetrics {
  readonly #pods: Gauge<'coverage'>;
  readonly #containers: Gauge<'state'>;
  readonly #outdated: Gauge;
  #source: CoveredPods | undefined;

  constructor(registry: Registry) {
    const registers = [registry];
    // The registry collects its metrics at the same time, and waits for all.
    this.#pods = new Gauge({
      name: 'fairlead_pods',
      help: 'Running pods: covered if each container runs under a verified profile, otherwise uncovered. The leader has it.',
      labelNames: ['coverage'],
      registers,
      collect: () => this.#collect(),
    });
    this.#containers = new Gauge({
      name: 'fairlead_containers',
      help: 'Containers of running pods, by what they run under, as `fairlead cluster coverage` names it. The leader has it.',
      labelNames: ['state'],
      registers,
      collect: () => this.#collect(),
    });
    this.#outdated = new Gauge({
      name: 'fairlead_outdated_pods',
      help: 'Running pods that would run under another profile if they were created now: `fairlead cluster outdated` lists them. The leader has it.',
      registers,
      collect: () => this.#collect(),
    });
  }

  /** Counts the pods of a leader, until the returned function is called. */
  follow(source: CoveredPods): () => void {
    this.#source = source;
    return () => {
      this.#source = undefined;
    };
  }

  async #collect(): Promise<void> {
    const source = this.#source;
    const counts = source?.hasSynced ? coverageCounts((await source.coverage()).pods) : undefined;
    for (const gauge of [this.#pods, this.#containers]) gauge.reset();
    this.#outdated.remove();
    // The term may have ended meanwhile.
    if (counts === undefined || this.#source !== source) return;
    this.#pods.set({ coverage: 'covered' }, counts.covered);
    this.#pods.set({ coverage: 'uncovered' }, counts.pods - counts.covered);
    for (const [state, number] of Object.entries(counts.containers)) this.#containers.set({ state }, number);
    this.#outdated.set(counts.outdated);
  }
}
