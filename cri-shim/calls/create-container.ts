import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import type { Store } from '#lib/node/store/store';
import {
  CreateContainerRequestSchema,
  CreateContainerResponseSchema,
  LinuxContainerConfigSchema,
  type LinuxContainerSecurityContext,
  LinuxContainerSecurityContextSchema,
  SecurityProfile_ProfileType as ProfileType,
} from '../../lib/cri/gen/cri_pb.js';
import type { RuntimeBaseline } from '../baseline/runtime-baseline.ts';
import { recordUse } from '../housekeeping/uses.ts';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';
import { type ConfineDependencies, confine } from './confine.ts';
import { podName } from './pod-name.ts';

/** The dependencies of createContainer. */
export interface CreateContainerDependencies extends ConfineDependencies {
  readonly store: Pick<Store, 'uses'>;
  readonly runtimeBaseline: Pick<RuntimeBaseline, 'hostFor' | 'profileFor' | 'watch'>;
}

/**
 * Handles RuntimeService.CreateContainer: forwards the request for a container with a profile
 * artifact with the path of its effective profile. Forwards the original bytes of all other
 * requests, and of those whose profile the runtime resolves. Watches those for RuntimeDefault,
 * because they show the default profile of the runtime.
 */
export async function createContainer(
  call: UnaryCall,
  dependencies: CreateContainerDependencies,
): Promise<UnaryResult> {
  const { request } = call;
  const message = decode(CreateContainerRequestSchema, request);
  const { config, sandboxConfig, podSandboxId } = message;
  if (config === undefined) return { forward: request };
  const container = config.metadata?.name ?? '';
  config.linux ??= create(LinuxContainerConfigSchema);
  config.linux.securityContext ??= create(LinuxContainerSecurityContextSchema);
  const context = config.linux.securityContext;
  const { privileged, capabilities } = context;
  const subject = { runtime: { sandboxId: podSandboxId }, capabilities };
  const creation = {
    ...{ context, privileged, appliesAppArmor: true },
    ...{ annotations: sandboxConfig?.annotations ?? {}, annotationNames: [container, 'POD'] },
    bearer: { pod: podName(sandboxConfig?.metadata), container, subject },
  };
  const confinement = await confine(creation, dependencies, call);
  if (confinement === undefined) return watch(request, podSandboxId, context, dependencies);
  return {
    forward: confinement.isRewritten ? toBinary(CreateContainerRequestSchema, message) : request,
    over: confinement.over,
    onReply: async (response) => {
      const { containerId } = decode(CreateContainerResponseSchema, response);
      await recordUse(containerId, confinement.use, dependencies);
      confinement.report();
      return response;
    },
  };
}

/** Forwards a request unchanged, and watches its container if it is for RuntimeDefault. */
function watch(
  request: Uint8Array,
  podSandboxId: string,
  context: LinuxContainerSecurityContext,
  { runtimeBaseline }: Pick<CreateContainerDependencies, 'runtimeBaseline'>,
): UnaryResult {
  const created = isRuntimeDefault(context) ? runtimeBaseline.watch(podSandboxId, context.capabilities) : undefined;
  if (created === undefined) return { forward: request };
  return {
    forward: request,
    onReply: (response) => {
      const containerId = containerIdOf(response);
      if (containerId !== undefined) created(containerId);
      return response;
    },
  };
}

/**
 * Returns the ID of the container; undefined if the response cannot be decoded, which does not keep
 * it from being forwarded.
 */
function containerIdOf(response: Uint8Array): string | undefined {
  try {
    return decode(CreateContainerResponseSchema, response).containerId;
  } catch {
    return undefined;
  }
}

/** Reports whether the runtime will apply its default profile to a container. */
function isRuntimeDefault({ privileged, seccomp }: LinuxContainerSecurityContext): boolean {
  return !privileged && seccomp?.profileType === ProfileType.RuntimeDefault && seccomp.localhostRef === '';
}
