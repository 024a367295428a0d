import type { Store } from '#lib/node/store/store';
import type { ShimLog } from '../report/shim-log.ts';
import { artifactsInUse, type RuntimeLists } from './uses.ts';

/**
 * After how many things that were put into it the state directory is tidied, the first time after
 * the first.
 */
const growthBetweenTidying = 256;
/** How long the runtime may take to say what it holds, in milliseconds. */
const tidyingTime = 60_000;

export interface Tidier {
  /** To be called whenever something was put into the state directory. */
  grown(): void;
  /**
   * Ends the tidying that is under way, and begins no other: the directory may be another's soon.
   */
  stop(): Promise<void>;
}

/**
 * Tidies the state directory every so often as it grows. What nobody needs goes: notes about
 * containers that are gone, effective profiles, and of artifacts what takes much room. Pods that
 * crash again and again, or that the runtime does not take, make new ones of all of them.
 */
export function tidier(store: Store, runtime: RuntimeLists, log: ShimLog): Tidier {
  let growth = 0;
  let tidying: Promise<void> | undefined;
  const stopping = new AbortController();
  const tidy = async (): Promise<void> => {
    try {
      await store.effective.dropOld();
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(tidyingTime)]);
      await store.dropUnused(await artifactsInUse(store, runtime, signal));
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ err: error }, 'the state directory could not be tidied');
    }
  };
  return {
    grown() {
      if (growth++ % growthBetweenTidying !== 0 || stopping.signal.aborted) return;
      tidying ??= tidy().finally(() => {
        tidying = undefined;
      });
    },
    async stop() {
      stopping.abort();
      await tidying;
    },
  };
}
