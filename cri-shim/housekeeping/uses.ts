import type { CriClient } from '#lib/cri/client';
import type { Store } from '#lib/node/store/store';
import type { Digest } from '#lib/registry/digest';
import type { ShimLog } from '../report/shim-log.ts';

/** The calls that list what a runtime has. */
export type RuntimeLists = Pick<CriClient, 'listContainers' | 'listPodSandbox'>;

/** What recordUse works with. */
export interface RecordUseDependencies {
  readonly store: Pick<Store, 'uses'>;
  readonly log: Pick<ShimLog, 'warn'>;
}

/**
 * Notes in the store that a container or sandbox was created with an artifact. A failure is only
 * logged: the container exists already, and keeps its profile whatever becomes of the artifact.
 */
export async function recordUse(id: string, digest: Digest, { store, log }: RecordUseDependencies): Promise<void> {
  try {
    await store.uses.put(id, digest);
  } catch (error) {
    log.warn({ err: error, container: id, digest }, 'the use of an artifact could not be noted');
  }
}

/**
 * Returns the artifacts that containers and sandboxes of the runtime were created with. Rejects
 * with Unavailable if the runtime does not answer.
 */
export async function artifactsInUse(
  store: Pick<Store, 'uses'>,
  runtime: RuntimeLists,
  signal: AbortSignal,
): Promise<Set<Digest>> {
  return store.uses.of(async () => {
    const [{ containers }, { items }] = await Promise.all([
      runtime.listContainers({}, signal),
      runtime.listPodSandbox({}, signal),
    ]);
    return new Set([...containers, ...items].map(({ id }) => id));
  });
}
