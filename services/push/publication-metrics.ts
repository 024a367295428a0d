import { Counter, Gauge, type Registry } from 'prom-client';

/** The outcome of a publication; `planned` if nothing was to be sent. */
export type PublicationResult = 'published' | 'planned' | 'refused';

/** The metrics of the push service about publications and who may make them. */
export class PublicationMetrics {
  readonly #publications: Counter<'outcome'>;

  /** `authorizationInForce` returns whether the authorization file is in force, if there is one. */
  constructor(registry: Registry, authorizationInForce: (() => boolean) | undefined) {
    this.#publications = new Counter({
      name: 'fairlead_publications_total',
      help: 'Profiles that callers published, rehearsed (planned) or were refused to publish, by outcome.',
      labelNames: ['outcome'],
      registers: [registry],
    });
    if (authorizationInForce === undefined) return;
    new Gauge({
      name: 'fairlead_authorization_in_force',
      help: '1 if the authorization file is in force; 0 if it is invalid and an older one is in force, or if it does not exist and everything is denied. Absent without a file.',
      registers: [registry],
      collect() {
        this.set(authorizationInForce() ? 1 : 0);
      },
    });
  }

  /** Counts profiles. */
  count(outcome: PublicationResult, profiles: number): void {
    this.#publications.inc({ outcome }, profiles);
  }
}
