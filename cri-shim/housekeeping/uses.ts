import type { CriClient } from '#lib/cri/client';
import { unlessRemoved } from '#lib/cri/runtime-call';
import type { Store } from '#lib/node/store/store';
import type { Use } from '#lib/node/store/use-note';
import type { InUse } from '#lib/node/store/uses';
import { ContainerState } from '../../lib/cri/gen/cri_pb.js';
import { reportedProfiles } from '../report/reported-profiles.ts';
import type { ShimLog } from '../report/shim-log.ts';

/** The calls that list the containers and sandboxes of a runtime, and what they run under. */
export type RuntimeLists = Pick<CriClient, 'listContainers' | 'listPodSandbox' | 'containerStatus'>;

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
 *
 * Of a created container without a note, which a full disk or a killed shim leaves, the runtime
 * tells the AppArmor profile. Its process may be there and wait for its start: without the profile,
 * it would be unconfined then, and until then it does not show the profile.
 */
export async function profilesInUse(
  store: Pick<Store, 'uses'>,
  runtime: RuntimeLists,
  signal: AbortSignal,
): Promise<InUse> {
  let created: readonly string[] = [];
  const inUse = await store.uses.of(async () => {
    const [{ containers }, { items }] = await Promise.all([
      runtime.listContainers({}, signal),
      runtime.listPodSandbox({}, signal),
    ]);
    created = containers.filter(({ state }) => state === ContainerState.CONTAINER_CREATED).map(({ id }) => id);
    return new Set([...containers, ...items].map(({ id }) => id));
  });
  const appArmor = new Set(inUse.appArmor);
  for (const id of created.filter((each) => !inUse.noted.has(each))) {
    const name = await appArmorOf(id, runtime, signal);
    if (name !== undefined) appArmor.add(name);
  }
  return { ...inUse, appArmor };
}

/** Returns the name of the AppArmor profile that a container will run under, if that is known. */
async function appArmorOf(
  containerId: string,
  runtime: Pick<RuntimeLists, 'containerStatus'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const reported = await unlessRemoved(runtime.containerStatus({ containerId, verbose: true }, signal));
  return reported && reportedProfiles(reported.info['info']).appArmor;
}
