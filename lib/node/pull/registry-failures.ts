import { LRUCache } from 'lru-cache';
import { FairleadError } from '#lib/errors';
import { registryName } from '#lib/registry/registry-name';

/** How long a registry that was unavailable is not asked again, in milliseconds. */
export const failureMemory = 5_000;
/** A registry that has not answered within this time is unavailable, in milliseconds. */
const usualAnswer = 10_000;
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

  /**
   * Returns the answer of a registry, and forgets its failure; or rejects as `asked` does, and
   * remembers that the registry was unavailable. A caller that gives up soon says nothing about the
   * registry.
   */
  async watch<T>(registry: string, revision: string, asked: Promise<T>, signal?: AbortSignal): Promise<T> {
    const name = registryName(registry);
    const begun = this.#clock();
    try {
      const answer = await asked;
      this.#failures.delete(name);
      return answer;
    } catch (error) {
      const now = this.#clock();
      const isCutShort = signal?.aborted && now - begun < usualAnswer;
      if (!isCutShort && isUnavailable(error)) this.#failures.set(name, { error, at: now, revision });
      throw error;
    }
  }
}

function isUnavailable(error: unknown): error is FairleadError {
  return error instanceof FairleadError && error.kind === 'Unavailable' && !error.local;
}
