import { create, toBinary } from '@bufbuild/protobuf';
import type { ApplyProfile } from './apply-profile.ts';
import { containerCapabilities } from './capabilities.ts';
import { decode } from './decode.ts';
import {
  CreateContainerRequestSchema,
  CreateContainerResponseSchema,
  LinuxContainerConfigSchema,
  LinuxContainerSecurityContextSchema,
} from './gen/cri_pb.js';
import { podName } from './pod-name.ts';
import { profileRequest } from './profile-request.ts';
import { rewriteSeccomp } from './rewrite.ts';
import type { UnaryHandler } from './unary-call.ts';
import type { RecordUse } from './uses.ts';

/**
 * RuntimeService.CreateContainer: a container that asks for a profile artifact is sent on with the path of its effective profile;
 * every other request passes with the bytes that came.
 */
export function handleCreateContainer(
  apply: ApplyProfile,
  { seccompRoot, recordUse }: { seccompRoot: string; recordUse: RecordUse },
): UnaryHandler {
  return async ({ request, signal }) => {
    const message = decode(CreateContainerRequestSchema, request);
    const { config, sandboxConfig } = message;
    if (config === undefined) return { forward: request };
    const container = config.metadata?.name ?? '';
    const linux = config.linux ?? create(LinuxContainerConfigSchema);
    const context = linux.securityContext ?? create(LinuxContainerSecurityContextSchema);
    const annotations = sandboxConfig?.annotations ?? {};
    const wanted = profileRequest({ ...context, annotations, annotationNames: [container, 'POD'] }, seccompRoot);
    if (wanted === undefined) return { forward: request };

    const capabilities = containerCapabilities(context.capabilities);
    const bearer = { pod: podName(sandboxConfig?.metadata), container, capabilities };
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
