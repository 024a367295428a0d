import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import type { Store } from '#lib/node/store/store';
import {
  LinuxPodSandboxConfigSchema,
  LinuxSandboxSecurityContextSchema,
  RunPodSandboxRequestSchema,
  RunPodSandboxResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';
import type { RuntimeBaseline } from '../baseline/runtime-baseline.ts';
import { recordUse } from '../housekeeping/uses.ts';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';
import { type ConfineDependencies, confine } from './confine.ts';
import { podName } from './pod-name.ts';

/** The dependencies of runPodSandbox. */
export interface RunPodSandboxDependencies extends ConfineDependencies {
  readonly store: Pick<Store, 'uses'>;
  readonly runtimeBaseline: Pick<RuntimeBaseline, 'hostFor' | 'profileFor' | 'sandboxCreated'>;
}

/**
 * Handles RuntimeService.RunPodSandbox as CreateContainer, for the process of the sandbox itself.
 * Does not refuse a privileged sandbox: it only means that the pod may have privileged containers,
 * and no program of the pod runs in its process.
 */
export async function runPodSandbox(call: UnaryCall, dependencies: RunPodSandboxDependencies): Promise<UnaryResult> {
  const { request } = call;
  const message = decode(RunPodSandboxRequestSchema, request);
  const { config, runtimeHandler } = message;
  if (config === undefined) return { forward: request };
  config.linux ??= create(LinuxPodSandboxConfigSchema);
  config.linux.securityContext ??= create(LinuxSandboxSecurityContextSchema);
  const subject = { runtime: { handler: runtimeHandler }, capabilities: undefined };
  const creation = {
    ...{ context: config.linux.securityContext, privileged: false, appliesAppArmor: false },
    ...{ annotations: config.annotations, annotationNames: ['POD'] },
    bearer: { pod: podName(config.metadata), subject },
  };
  const confinement = await confine(creation, dependencies, call);
  return {
    forward: confinement?.isRewritten === true ? toBinary(RunPodSandboxRequestSchema, message) : request,
    over: confinement?.over,
    onReply: async (response) => {
      const podSandboxId = sandboxIdOf(response);
      if (podSandboxId === undefined) return response;
      dependencies.runtimeBaseline.sandboxCreated(podSandboxId, runtimeHandler);
      if (confinement !== undefined) {
        await recordUse(podSandboxId, confinement.use, dependencies);
        confinement.report();
      }
      return response;
    },
  };
}

/**
 * Returns the ID of the sandbox; undefined if the response cannot be decoded, which does not keep
 * it from being forwarded.
 */
function sandboxIdOf(response: Uint8Array): string | undefined {
  try {
    return decode(RunPodSandboxResponseSchema, response).podSandboxId;
  } catch {
    return undefined;
  }
}
