import type { CriClient } from '#lib/cri/client';
import { unlessRemoved } from '#lib/cri/runtime-call';
import type { Store } from '#lib/node/store/store';
import type { Use } from '#lib/node/store/use-note';
import type { InUse } from '#lib/node/store/uses';
import { ContainerState } from '../../lib/cri/gen/cri_pb.js';
import { isSpecReported, reportedProfiles } from '../report/reported-profiles.ts';
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

/** What containers and sandboxes were created with, as far as it is known. */
export interface ProfilesInUse extends InUse {
  /** The created containers that may use any AppArmor profile: the runtime does not report it. */
  readonly unreported: readonly string[];
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
): Promise<ProfilesInUse> {
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
  const unreported: string[] = [];
  for (const id of created.filter((each) => !inUse.noted.has(each))) {
    const status = await unlessRemoved(runtime.containerStatus({ containerId: id, verbose: true }, signal));
    if (status === undefined) continue;
    const info = status.info['info'];
    const { appArmor: name } = reportedProfiles(info);
    if (name !== undefined) appArmor.add(name);
    else if (!isSpecReported(info)) unreported.push(id);
  }
  return { ...inUse, appArmor, unreported };
}
