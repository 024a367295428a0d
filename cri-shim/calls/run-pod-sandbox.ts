import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '../../lib/cri/decode.ts';
import {
  LinuxPodSandboxConfigSchema,
  LinuxSandboxSecurityContextSchema,
  RunPodSandboxRequestSchema,
  RunPodSandboxResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';
import type { ApplyProfile } from '../apply/apply-profile.ts';
import type { RecordUse } from '../housekeeping/uses.ts';
import type { UnaryHandler } from '../proxy/unary-call.ts';
import { profileRequest } from '../request/profile-request.ts';
import { rewriteSeccomp } from '../request/rewrite.ts';
import { podName } from './pod-name.ts';

/**
 * RuntimeService.RunPodSandbox: as CreateContainer, for the sandbox's own process. That a sandbox
 * is privileged says only that it may hold privileged containers; nothing of the pod runs in its
 * own process, so the profile is no reason to refuse it.
 */
export function handleRunPodSandbox(
  apply: ApplyProfile,
  { seccompRoot, recordUse }: { seccompRoot: string; recordUse: RecordUse },
): UnaryHandler {
  return async ({ request, signal }) => {
    const message = decode(RunPodSandboxRequestSchema, request);
    const { config } = message;
    if (config === undefined) return { forward: request };
    const linux = config.linux ?? create(LinuxPodSandboxConfigSchema);
    const context = linux.securityContext ?? create(LinuxSandboxSecurityContextSchema);
    const { annotations } = config;
    const fields = { ...context, privileged: false, annotations, annotationNames: ['POD'] };
    const wanted = profileRequest(fields, seccompRoot);
    if (wanted === undefined) return { forward: request };

    const subject = { runtime: { handler: message.runtimeHandler }, capabilities: undefined };
    const bearer = { pod: podName(config.metadata), subject };
    const { path, digest } = await apply(wanted, bearer, signal);
    rewriteSeccomp(context, path);
    linux.securityContext = context;
    config.linux = linux;
    return {
      forward: toBinary(RunPodSandboxRequestSchema, message),
      onReply: async (response) => {
        await recordUse(decode(RunPodSandboxResponseSchema, response).podSandboxId, digest);
        return response;
      },
    };
  };
}
