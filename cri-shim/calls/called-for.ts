import { fromBinary } from '@bufbuild/protobuf';
import { CreateContainerRequestSchema, RunPodSandboxRequestSchema } from '../../lib/cri/gen/cri_pb.js';
import { podName } from './pod-name.ts';

/** The pod, as `namespace/name`, and the container of a call, for logs. */
export interface CalledFor {
  readonly pod?: string;
  readonly container?: string;
}

/**
 * Returns the pod and the container of a refused call from its full method name and its request
 * message: both for CreateContainer, the pod for RunPodSandbox. Returns neither for other calls and
 * for a message that cannot be decoded.
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
  } catch {
    // The refusal already reports that the message cannot be decoded.
  }
  return {};
}
