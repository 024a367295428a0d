import type { Store } from '#lib/node/store/store';
import type { ShimLog } from '../report/shim-log.ts';
import { artifactsInUse, type RuntimeLists } from './uses.ts';

/** After how many additions the state directory is tidied; the first time after the first one. */
const growthBetweenTidying = 256;
/** How long the runtime may take to list what it has, in milliseconds. */
const tidyingTime = 60_000;

/**
 * Tidies the state directory as it grows. It removes what nobody needs: notes about containers that
 * are gone, effective profiles, and artifacts that take much room. Pods that crash again and again,
 * or that the runtime refuses, cause new ones of all of them.
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

  /** To be called whenever something was put into the state directory. */
  grown(): void {
    if (this.#growth++ % growthBetweenTidying !== 0 || this.#stopping.signal.aborted) return;
    this.#tidying ??= this.#tidy().finally(() => {
      this.#tidying = undefined;
    });
  }

  /** Ends the tidying that is under way, and begins no other: the directory is released next. */
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
      if (!this.#stopping.signal.aborted) this.#log.warn({ err: error }, 'the state directory could not be tidied');
    }
  }
}
