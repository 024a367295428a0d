import type { Store } from '#lib/node/store/store';
import type { Digest } from '#lib/registry/digest';
import {
  ListContainersRequestSchema,
  ListContainersResponseSchema,
  ListPodSandboxRequestSchema,
  ListPodSandboxResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';
import { ask, type CallRuntime } from '../../lib/cri/runtime-call.ts';
import type { ShimLog } from '../shim-log.ts';

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
      await store.putUse(id, digest);
    } catch (error) {
      log.warn({ err: error, container: id, digest }, 'the use of an artifact could not be noted');
    }
  };
}

/**
 * The artifacts that containers and sandboxes of the runtime were made with. Throws Unavailable
 * where the runtime does not answer.
 */
export async function artifactsInUse(
  store: Store,
  callRuntime: CallRuntime,
  signal: AbortSignal,
): Promise<Set<Digest>> {
  return store.usesOf(async () => {
    const [{ containers }, { items }] = await Promise.all([
      ask(callRuntime, 'ListContainers', [ListContainersRequestSchema, ListContainersResponseSchema], {}, signal),
      ask(callRuntime, 'ListPodSandbox', [ListPodSandboxRequestSchema, ListPodSandboxResponseSchema], {}, signal),
    ]);
    return new Set([...containers, ...items].map(({ id }) => id));
  });
}
