import type { PodSandboxMetadata } from '../../lib/cri/gen/cri_pb.js';

/** Returns the `namespace/name` of a pod, for logs; the empty string without metadata. */
export function podName(metadata: PodSandboxMetadata | undefined): string {
  return metadata === undefined ? '' : `${metadata.namespace}/${metadata.name}`;
}
