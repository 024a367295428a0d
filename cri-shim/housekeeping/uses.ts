import type { CriClient } from '#lib/cri/client';
import type { Store } from '#lib/node/store/store';
import type { Digest } from '#lib/registry/digest';
import type { ShimLog } from '../report/shim-log.ts';

/** The calls that list the containers and sandboxes of a runtime. */
export type RuntimeLists = Pick<CriClient, 'listContainers' | 'listPodSandbox'>;

/** The dependencies of recordUse. */
export interface RecordUseDependencies {
  readonly store: Pick<Store, 'uses'>;
  readonly log: Pick<ShimLog, 'warn'>;
}

/**
 * Records in the store that a container or sandbox was created with an artifact. Only logs a
 * failure: the container exists already and keeps its profile, even without the artifact.
 */
export async function recordUse(id: string, digest: Digest, { store, log }: RecordUseDependencies): Promise<void> {
  try {
    await store.uses.put(id, digest);
  } catch (error) {
    log.warn({ err: error, container: id, digest }, 'cannot record the use of an artifact');
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
