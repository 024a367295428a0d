import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '../../lib/cri/decode.ts';
import {
  CreateContainerRequestSchema,
  CreateContainerResponseSchema,
  LinuxContainerConfigSchema,
  type LinuxContainerSecurityContext,
  LinuxContainerSecurityContextSchema,
  SecurityProfile_ProfileType as ProfileType,
} from '../../lib/cri/gen/cri_pb.js';
import type { ApplyProfile } from '../apply/apply-profile.ts';
import type { RuntimeBaseline } from '../baseline/runtime-baseline.ts';
import type { RecordUse } from '../housekeeping/uses.ts';
import type { UnaryHandler } from '../proxy/unary-call.ts';
import { profileRequest } from '../request/profile-request.ts';
import { rewriteSeccomp } from '../request/rewrite.ts';
import { podName } from './pod-name.ts';

/**
 * RuntimeService.CreateContainer: a container that asks for a profile artifact is sent on with the
 * path of its effective profile; every other request passes with the bytes that came. Those for
 * RuntimeDefault are watched: they show what that is.
 */
export function handleCreateContainer(
  apply: ApplyProfile,
  {
    seccompRoot,
    recordUse,
    runtimeBaseline,
  }: { seccompRoot: string; recordUse: RecordUse; runtimeBaseline: Pick<RuntimeBaseline, 'watch'> },
): UnaryHandler {
  return async ({ request, signal }) => {
    const message = decode(CreateContainerRequestSchema, request);
    const { config, sandboxConfig, podSandboxId } = message;
    if (config === undefined) return { forward: request };
    const container = config.metadata?.name ?? '';
    const linux = config.linux ?? create(LinuxContainerConfigSchema);
    const context = linux.securityContext ?? create(LinuxContainerSecurityContextSchema);
    const annotations = sandboxConfig?.annotations ?? {};
    const wanted = profileRequest({ ...context, annotations, annotationNames: [container, 'POD'] }, seccompRoot);
    const { capabilities } = context;
    if (wanted === undefined) {
      const created = isRuntimeDefault(context) ? runtimeBaseline.watch(podSandboxId, capabilities) : undefined;
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

    const subject = { runtime: { sandboxId: podSandboxId }, capabilities };
    const bearer = { pod: podName(sandboxConfig?.metadata), container, subject };
    const { path, digest } = await apply(wanted, bearer, signal);
    rewriteSeccomp(context, path);
    linux.securityContext = context;
    config.linux = linux;
    return {
      forward: toBinary(CreateContainerRequestSchema, message),
      onReply: async (response) => {
        await recordUse(decode(CreateContainerResponseSchema, response).containerId, digest);
        return response;
      },
    };
  };
}

/**
 * Returns the container's ID; undefined for a response that cannot be decoded, which is sent on all
 * the same.
 */
function containerIdOf(response: Uint8Array): string | undefined {
  try {
    return decode(CreateContainerResponseSchema, response).containerId;
  } catch {
    return undefined;
  }
}

/** Whether a container says that it wants the default profile of the runtime, and will get it. */
function isRuntimeDefault({ privileged, seccomp }: LinuxContainerSecurityContext): boolean {
  return !privileged && seccomp?.profileType === ProfileType.RuntimeDefault && seccomp.localhostRef === '';
}
