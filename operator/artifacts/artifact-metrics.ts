import { Counter, type Registry } from 'prom-client';

/** Counts checks of artifacts. The label is a reason of the program itself: no object adds one. */
export class ArtifactMetrics {
  readonly #checks: Counter<'result'>;

  constructor(registry: Registry) {
    this.#checks = new Counter({
      name: 'fairlead_artifact_checks_total',
      help: 'Checks of ProfileArtifacts and ClusterProfileArtifacts, by their result: UpToDate, or the reason why not.',
      labelNames: ['result'],
      registers: [registry],
    });
  }

  /** Counts a check. */
  countCheck(result: string): void {
    this.#checks.inc({ result });
  }
}
