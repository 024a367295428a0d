import type { CriClient } from '#lib/cri/client';
import type { Store } from '#lib/node/store/store';
import type { Digest } from '#lib/registry/digest';
import type { ShimLog } from '../report/shim-log.ts';

/** The calls that list what a runtime holds. */
export type RuntimeLists = Pick<CriClient, 'listContainers' | 'listPodSandbox'>;

/** Notes that a container or sandbox was made with an artifact. */
export type RecordUse = (id: string, digest: Digest) => Promise<void>;

/**
 * Notes uses in the store. The container is there already when its use is noted, so a failure is
 * only logged: the runtime has put the profile into the container, which keeps it whatever becomes
 * of the artifact.
 */
export function useRecorder(store: Store, log: ShimLog): RecordUse {
  return async (id, digest) => {
    try {
      await store.uses.put(id, digest);
    } catch (error) {
      log.warn({ err: error, container: id, digest }, 'the use of an artifact could not be noted');
    }
  };
}

/**
 * The artifacts that containers and sandboxes of the runtime were made with. Throws Unavailable
 * where the runtime does not answer.
 */
export async function artifactsInUse(store: Store, runtime: RuntimeLists, signal: AbortSignal): Promise<Set<Digest>> {
  return store.uses.of(async () => {
    const [{ containers }, { items }] = await Promise.all([
      runtime.listContainers({}, signal),
      runtime.listPodSandbox({}, signal),
    ]);
    return new Set([...containers, ...items].map(({ id }) => id));
  });
}
