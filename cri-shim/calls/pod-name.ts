import type { PodSandboxMetadata } from '../../lib/cri/gen/cri_pb.js';

/** `namespace/name` of a pod, as logs name it. */
export function podName(metadata: PodSandboxMetadata | undefined): string {
  return metadata === undefined ? '' : `${metadata.namespace}/${metadata.name}`;
}
