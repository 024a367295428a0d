import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { Store } from '#lib/node/store';
import type { Digest } from '#lib/registry/digest';
import {
  ListContainersRequestSchema,
  ListContainersResponseSchema,
  ListPodSandboxRequestSchema,
  ListPodSandboxResponseSchema,
} from './gen/cri_pb.js';
import type { CallRuntime } from './runtime-call.ts';
import type { ShimLog } from './shim-log.ts';

/** Notes that a container or sandbox was made with an artifact. */
export type RecordUse = (id: string, digest: Digest) => Promise<void>;

/** After how many uses the state folder is tidied, the first time after the first. */
const usesBetweenTidying = 256;
/** How long the runtime may take to say what it holds, in milliseconds. */
const tidyingTime = 60_000;

/**
 * Notes uses in the store. The container is there already when its use is noted, so a failure is only logged: the runtime has
 * put the profile into the container, which keeps it whatever becomes of the artifact. Every so often, notes about containers
 * that are gone are dropped, and effective profiles that nobody needs: pods that crash again and again make new ones of both.
 */
export function useRecorder(store: Store, callRuntime: CallRuntime, log: ShimLog): RecordUse {
  let uses = 0;
  let tidying = false;
  const tidy = async (): Promise<void> => {
    tidying = true;
    try {
      await store.dropOldEffective();
      await artifactsInUse(store, callRuntime, AbortSignal.timeout(tidyingTime));
    } catch (error) {
      log.warn({ err: error }, 'the state folder could not be tidied');
    } finally {
      tidying = false;
    }
  };
  return async (id, digest) => {
    try {
      await store.putUse(id, digest);
    } catch (error) {
      log.warn({ err: error, container: id, digest }, 'the use of an artifact could not be noted');
    }
    if (uses++ % usesBetweenTidying === 0 && !tidying) void tidy();
  };
}

/** The artifacts that containers and sandboxes of the runtime were made with. Throws Unavailable where the runtime does not answer. */
export async function artifactsInUse(
  store: Store,
  callRuntime: CallRuntime,
  signal: AbortSignal,
): Promise<Set<Digest>> {
  const ask = async <I extends DescMessage, O extends DescMessage>(
    method: string,
    input: I,
    output: O,
  ): Promise<MessageShape<O>> =>
    fromBinary(
      output,
      await callRuntime(`runtime.v1.RuntimeService/${method}`, toBinary(input, create(input)), signal),
    );
  return store.usesOf(async () => {
    const [{ containers }, { items }] = await Promise.all([
      ask('ListContainers', ListContainersRequestSchema, ListContainersResponseSchema),
      ask('ListPodSandbox', ListPodSandboxRequestSchema, ListPodSandboxResponseSchema),
    ]);
    return new Set([...containers, ...items].map(({ id }) => id));
  });
}
