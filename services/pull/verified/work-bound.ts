import { FairleadError } from '#lib/errors';

/** Requests that may wait for registries at the same time. */
export const workBounds = { all: 512, ofOneRegistry: 448 } as const;

/**
 * Bounds the requests that wait for registries: a registry that answers slowly must not make all
 * later requests wait as well, and callers that are refused at once can ask another replica.
 */
export class WorkBound {
  readonly #waiting = new Map<string, number>();
  #all = 0;

  /**
   * Begins the work of a request, and returns the function that ends it (to be called once). Throws
   * Unavailable if too many wait already.
   */
  begin(registry: string): () => void {
    const waiting = this.#waiting.get(registry) ?? 0;
    if (waiting >= workBounds.ofOneRegistry) throw tooMany(`${waiting} requests wait for ${registry}`);
    if (this.#all >= workBounds.all) throw tooMany(`${this.#all} requests wait for registries`);
    this.#all++;
    this.#waiting.set(registry, waiting + 1);
    return () => this.#end(registry);
  }

  #end(registry: string): void {
    this.#all--;
    const left = (this.#waiting.get(registry) ?? 1) - 1;
    if (left > 0) this.#waiting.set(registry, left);
    else this.#waiting.delete(registry);
  }
}

function tooMany(what: string): FairleadError {
  return new FairleadError('Unavailable', `${what} already`, {
    hint: 'Try again later, or run more replicas. Profiles named by a digest that the service has are served meanwhile.',
    local: true,
  });
}
