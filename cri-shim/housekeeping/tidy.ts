import type { Store } from '#lib/node/store/store';
import type { ShimLog } from '../report/shim-log.ts';
import { artifactsInUse, type RuntimeLists } from './uses.ts';

/** Number of additions after which the state directory is tidied, first after addition 1. */
const growthBetweenTidying = 256;
/** How long the runtime may take to list its containers and sandboxes, in milliseconds. */
const tidyingTime = 60_000;

/**
 * Tidies the state directory as it grows. Removes unused content: records of removed
 * containers, effective profiles, and artifacts that need much space. Pods that crash repeatedly,
 * or that the runtime refuses, add to all of them.
 */
export class Tidier {
  readonly #store: Store;
  readonly #runtime: RuntimeLists;
  readonly #log: Pick<ShimLog, 'warn'>;
  readonly #stopping = new AbortController();
  #growth = 0;
  #tidying: Promise<void> | undefined;

  constructor(store: Store, runtime: RuntimeLists, log: Pick<ShimLog, 'warn'>) {
    this.#store = store;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Counts an addition to the state directory. Callers call it after each one. */
  grown(): void {
    if (this.#growth++ % growthBetweenTidying !== 0 || this.#stopping.signal.aborted) return;
    this.#tidying ??= this.#tidy().finally(() => {
      this.#tidying = undefined;
    });
  }

  /** Ends the current tidying and starts no other, before the directory is released. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#tidying;
  }

  async #tidy(): Promise<void> {
    try {
      await this.#store.effective.dropOld();
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(tidyingTime)]);
      await this.#store.dropUnused(await artifactsInUse(this.#store, this.#runtime, signal));
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#log.warn({ err: error }, 'cannot tidy the state directory');
    }
  }
}
