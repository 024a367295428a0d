import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ApiVerb, RequestMetrics } from './client.ts';
import type { InformerMetrics } from './informer-options.ts';
import type { Resource } from './resource.ts';

/** How the processing of a key ended. */
export type ReconcileResult = 'done' | 'conflict' | 'failed';

/**
 * Counts what the parts of this directory do. All labels are of the program itself: names of
 * controllers and resources, verbs, classes of status. No object adds a series.
 */
export class KubeMetrics implements RequestMetrics, InformerMetrics {
  readonly #requests: Counter<'verb' | 'status'>;
  readonly #restarts: Counter<'resource' | 'request'>;
  readonly #rejected: Counter<'resource'>;
  readonly #failing: Gauge<'resource'>;
  /** The informers that fail, by the plural of their resource. */
  readonly #failingInformers = new Map<string, Set<object>>();
  readonly #reconciles: Histogram<'controller' | 'result'>;
  readonly #events: Counter<'result'>;
  readonly #leader: Gauge<'lease'>;
  readonly #depths = new Map<string, () => number>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requests = new Counter({
      name: 'fairlead_kube_requests_total',
      help: 'Requests sent to the API server, by verb and class of the status (none: no answer).',
      labelNames: ['verb', 'status'],
      registers,
    });
    this.#restarts = new Counter({
      name: 'fairlead_kube_informer_restarts_total',
      help: 'Lists and watches that were begun again.',
      labelNames: ['resource', 'request'],
      registers,
    });
    this.#rejected = new Counter({
      name: 'fairlead_kube_rejected_objects_total',
      help: 'Versions of objects that could not be read.',
      labelNames: ['resource'],
      registers,
    });
    this.#failing = new Gauge({
      name: 'fairlead_kube_informer_failing',
      help: '1 while the objects of a resource cannot be followed, for example because its CRD is missing.',
      labelNames: ['resource'],
      registers,
    });
    this.#reconciles = new Histogram({
      name: 'fairlead_controller_reconcile_seconds',
      help: 'Time to reconcile an object once.',
      labelNames: ['controller', 'result'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60],
      registers,
    });
    this.#events = new Counter({
      name: 'fairlead_kube_events_total',
      help: 'Events of Kubernetes, by what happened to them: written, limited or failed.',
      labelNames: ['result'],
      registers,
    });
    this.#leader = new Gauge({
      name: 'fairlead_kube_leader',
      help: '1 while this process holds the lease.',
      labelNames: ['lease'],
      registers,
    });
    const depths = this.#depths;
    new Gauge({
      name: 'fairlead_controller_queue_depth',
      help: 'Objects that are to be reconciled now or are being reconciled.',
      labelNames: ['controller'],
      registers,
      collect() {
        this.reset();
        for (const [controller, depth] of depths) this.set({ controller }, depth());
      },
    });
  }

  countRequest(verb: ApiVerb, status: number | undefined): void {
    this.#requests.inc({ verb, status: statusClass(status) });
  }

  countRestart(resource: string, request: 'list' | 'watch'): void {
    this.#restarts.inc({ resource, request });
  }

  countRejected(resource: string): void {
    this.#rejected.inc({ resource });
  }

  setFailing(informer: { readonly resource: Resource }, isFailing: boolean): void {
    const { plural } = informer.resource;
    const failing = this.#failingInformers.get(plural) ?? new Set();
    this.#failingInformers.set(plural, failing);
    if (isFailing) failing.add(informer);
    else failing.delete(informer);
    this.#failing.set({ resource: plural }, failing.size > 0 ? 1 : 0);
  }

  countReconcile(controller: string, result: ReconcileResult, seconds: number): void {
    this.#reconciles.observe({ controller, result }, seconds);
  }

  countEvent(result: 'written' | 'limited' | 'failed'): void {
    this.#events.inc({ result });
  }

  setLeader(lease: string, isLeader: boolean): void {
    this.#leader.set({ lease }, isLeader ? 1 : 0);
  }

  /** Reports the depth of a queue until the returned function is called. */
  reportDepth(controller: string, depth: () => number): () => void {
    this.#depths.set(controller, depth);
    return () => {
      if (this.#depths.get(controller) === depth) this.#depths.delete(controller);
    };
  }
}

function statusClass(status: number | undefined): string {
  if (status === undefined) return 'none';
  const first = Math.floor(status / 100);
  return first >= 1 && first <= 5 ? `${first}xx` : 'other';
}
