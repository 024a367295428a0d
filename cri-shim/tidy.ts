import type { Store } from '#lib/node/store';
import type { CallRuntime } from './runtime-call.ts';
import type { ShimLog } from './shim-log.ts';
import { artifactsInUse } from './uses.ts';

/** After how many things that were put into it the state folder is tidied, the first time after the first. */
const growthBetweenTidying = 256;
/** How long the runtime may take to say what it holds, in milliseconds. */
const tidyingTime = 60_000;

/**
 * Gives a function to call whenever something was put into the state folder. Every so often, what nobody needs goes: notes about
 * containers that are gone, effective profiles, and of artifacts what takes much room. Pods that crash again and again, or that the runtime
 * does not take, make new ones of all of them.
 */
export function tidier(store: Store, callRuntime: CallRuntime, log: ShimLog): () => void {
  let growth = 0;
  let tidying = false;
  const tidy = async (): Promise<void> => {
    tidying = true;
    try {
      await store.dropOldEffective();
      await store.dropUnused(await artifactsInUse(store, callRuntime, AbortSignal.timeout(tidyingTime)));
    } catch (error) {
      log.warn({ err: error }, 'the state folder could not be tidied');
    } finally {
      tidying = false;
    }
  };
  return () => {
    if (growth++ % growthBetweenTidying === 0 && !tidying) void tidy();
  };
}
