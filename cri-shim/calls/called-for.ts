import { fromBinary } from '@bufbuild/protobuf';
import { CreateContainerRequestSchema, RunPodSandboxRequestSchema } from '../../lib/cri/gen/cri_pb.js';
import type { CalledFor } from '../report/report-call.ts';
import { podName } from './pod-name.ts';
import { securityProfileCalls } from './security-profile-calls.ts';

/**
 * Returns the pod and the container of a call from its full method name and its request message:
 * both for CreateContainer, the pod for RunPodSandbox, the pod and the reference for the pull of a
 * profile. Returns nothing for other calls and for a message that cannot be decoded.
 */
export function calledFor(method: string, request: Uint8Array | undefined): CalledFor {
  if (request === undefined) return {};
  try {
    if (method.endsWith('.RuntimeService/CreateContainer')) {
      const { config, sandboxConfig } = fromBinary(CreateContainerRequestSchema, request);
      return { pod: podName(sandboxConfig?.metadata), container: config?.metadata?.name ?? '' };
    }
    if (method.endsWith('.RuntimeService/RunPodSandbox')) {
      return { pod: podName(fromBinary(RunPodSandboxRequestSchema, request).config?.metadata) };
    }
    const pull = Object.values(securityProfileCalls).find((names) => names.pull.method === method)?.pull;
    if (pull !== undefined) {
      const { image, sandboxConfig } = fromBinary(pull.request, request);
      const reference = { reference: image?.image ?? '' };
      return sandboxConfig === undefined ? reference : { ...reference, pod: podName(sandboxConfig.metadata) };
    }
  } catch {
    // The refusal reports that the message cannot be decoded.
  }
  return {};
}
