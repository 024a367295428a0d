import { LRUCache } from 'lru-cache';
import { FairleadError } from '#lib/errors';
import { registryName } from '#lib/registry/registry-name';

/** How long a registry that was unavailable is not asked again, in milliseconds. */
export const failureMemory = 5_000;
/** How many registries are remembered: pods can name any number that the policy allows. */
const mostRegistries = 256;

interface Failure {
  readonly error: FairleadError;
  readonly at: number;
  /** The revision of the policy under which it failed. */
  readonly revision: string;
}

/**
 * Remembers for a few seconds which registries were unavailable, so that one that is down is not
 * asked, and waited for, by every pod. A success and a changed policy forget it.
 */
export class RegistryFailures {
  readonly #clock: () => number;
  readonly #failures = new LRUCache<string, Failure>({ max: mostRegistries });

  /** `clock` returns milliseconds that only increase. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Throws Unavailable if the registry was unavailable a moment ago, under the same policy. */
  check(registry: string, revision: string): void {
    const name = registryName(registry);
    const failure = this.#failures.get(name);
    if (failure === undefined) return;
    const left = failure.at + failureMemory - this.#clock();
    if (left <= 0 || failure.revision !== revision) return void this.#failures.delete(name);
    const { summary, hint } = failure.error;
    throw new FairleadError(
      'Unavailable',
      `${name} was unavailable and is asked again in ${Math.ceil(left / 1000)} s: ${summary}`,
      { cause: failure.error, ...(hint !== undefined && { hint }) },
    );
  }

  /** Remembers that a request to a registry failed, if it was unavailable. */
  failed(registry: string, revision: string, error: unknown): void {
    if (!(error instanceof FairleadError) || error.kind !== 'Unavailable' || error.local) return;
    this.#failures.set(registryName(registry), { error, at: this.#clock(), revision });
  }

  /** Forgets a failure, since the registry has answered. */
  answered(registry: string): void {
    this.#failures.delete(registryName(registry));
  }
}
