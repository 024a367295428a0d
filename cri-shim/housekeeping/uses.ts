import type { CriClient } from '#lib/cri/client';
import type { Store } from '#lib/node/store/store';
import type { Use } from '#lib/node/store/use-note';
import type { InUse } from '#lib/node/store/uses';
import type { ShimLog } from '../report/shim-log.ts';

/** The calls that list the containers and sandboxes of a runtime. */
export type RuntimeLists = Pick<CriClient, 'listContainers' | 'listPodSandbox'>;

/** The dependencies of recordUse. */
export interface RecordUseDependencies {
  readonly store: Pick<Store, 'uses'>;
  readonly log: Pick<ShimLog, 'warn'>;
}

/**
 * Records in the store what a container or sandbox was created with. Only logs a failure: the
 * container exists already and keeps its profiles, even without the artifacts.
 */
export async function recordUse(id: string, use: Use, { store, log }: RecordUseDependencies): Promise<void> {
  try {
    await store.uses.put(id, use);
  } catch (error) {
    log.warn({ err: error, container: id, ...use }, 'cannot record the use of an artifact');
  }
}

/**
 * Returns what the containers and sandboxes of the runtime were created with. Rejects with
 * Unavailable if the runtime does not answer.
 */
export async function profilesInUse(
  store: Pick<Store, 'uses'>,
  runtime: RuntimeLists,
  signal: AbortSignal,
): Promise<InUse> {
  return store.uses.of(async () => {
    const [{ containers }, { items }] = await Promise.all([
      runtime.listContainers({}, signal),
      runtime.listPodSandbox({}, signal),
    ]);
    return new Set([...containers, ...items].map(({ id }) => id));
  });
}
