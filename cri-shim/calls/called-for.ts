import { fromBinary } from '@bufbuild/protobuf';
import { CreateContainerRequestSchema, RunPodSandboxRequestSchema } from '../../lib/cri/gen/cri_pb.js';
import { podName } from './pod-name.ts';

/** The pod, as `namespace/name`, and the container that a call is for, as logs name them. */
export interface CalledFor {
  readonly pod?: string;
  readonly container?: string;
}

/**
 * Whom a refused call was for, by its full method name and its request message: CreateContainer
 * names pod and container, RunPodSandbox the pod. Other calls name neither, nor does a message that
 * cannot be read.
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
    // That it cannot be read is the reason of the refusal, and reported as that.
  }
  return {};
}
