import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import type { Store } from '#lib/node/store/store';
import {
  LinuxPodSandboxConfigSchema,
  LinuxSandboxSecurityContextSchema,
  RunPodSandboxRequestSchema,
  RunPodSandboxResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';
import { recordUse } from '../housekeeping/uses.ts';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';
import { type ConfineDependencies, confine } from './confine.ts';
import { podName } from './pod-name.ts';

/** The dependencies of runPodSandbox. */
export interface RunPodSandboxDependencies extends ConfineDependencies {
  readonly store: Pick<Store, 'effective' | 'uses'>;
}

/**
 * Handles RuntimeService.RunPodSandbox as CreateContainer, for the process of the sandbox itself.
 * Does not refuse a privileged sandbox: it only means that the pod may have privileged containers,
 * and no program of the pod runs in its process.
 */
export async function runPodSandbox(
  { request, signal }: UnaryCall,
  dependencies: RunPodSandboxDependencies,
): Promise<UnaryResult> {
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
  const use = await confine(creation, dependencies, signal);
  if (use === undefined) return { forward: request };
  return {
    forward: toBinary(RunPodSandboxRequestSchema, message),
    onReply: async (response) => {
      const { podSandboxId } = decode(RunPodSandboxResponseSchema, response);
      await recordUse(podSandboxId, use, dependencies);
      return response;
    },
  };
}
