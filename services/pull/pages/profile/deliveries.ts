import { stringify } from 'yaml';
import { formatLocalhostProfile } from '#lib/node/reference/localhost-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatReference } from '#lib/registry/reference';

/** How a pod names an artifact. */
export type Delivery = 'localhost' | 'oci' | 'crio';

/** A way to use a profile in a pod. */
export interface DeliveryBlock {
  readonly delivery: Delivery;
  readonly title: string;
  /** What it needs. */
  readonly needs: string;
  /** What happens without it. */
  readonly without: string;
  /** The part of the pod that names the artifact, YAML. */
  readonly text: string;
}

/** The artifact that a pod is to use. */
export interface PodRequest {
  readonly reference: PinnedReference;
  readonly kind: RuntimeKind;
}

/**
 * Returns the ways to use a profile in a pod, the one for any cluster first. API servers have the
 * type OCI, and CRI-O its annotations, for seccomp only.
 */
export function deliveryBlocks({ reference, kind }: PodRequest): readonly DeliveryBlock[] {
  const text = (delivery: Delivery): string => stringify(podPart(delivery, { reference, kind }), yamlOptions).trimEnd();
  const localhost: DeliveryBlock = {
    delivery: 'localhost',
    title: 'Pod, any cluster',
    needs: `Kubernetes ${kind === 'Seccomp' ? '1.19' : '1.30'} and newer, with the shim or the node agent.`,
    without: 'Without them the container is refused: the node has no such profile.',
    text: text('localhost'),
  };
  if (kind !== 'Seccomp') return [localhost];
  return [
    localhost,
    {
      delivery: 'oci',
      title: 'Pod, Kubernetes 1.38',
      needs: 'with the feature gate of KEP-6061, and the shim or a runtime that has it.',
      without: 'Without the gate the API server rejects the pod; a kubelet before 1.38 runs the container unconfined.',
      text: text('oci'),
    },
    {
      delivery: 'crio',
      title: 'Pod, annotation',
      needs: 'with the shim, where the securityContext cannot be changed.',
      without: 'Without the shim the container runs as the rest of the pod states.',
      text: text('crio'),
    },
  ];
}

/** Returns a whole pod that uses a profile, YAML. Its image is a placeholder. */
export function podYaml(delivery: Delivery, request: PodRequest): string {
  const name = containerName(request.reference);
  const { metadata, securityContext } = podPart(delivery, request);
  const container = {
    name,
    image: 'registry.example.com/IMAGE',
    ...(securityContext !== undefined && { securityContext }),
  };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { containers: [container] } };
  return stringify(pod, yamlOptions);
}

/** References are not folded: they are copied. */
const yamlOptions = { lineWidth: 0 } as const;

interface PodPart {
  readonly metadata?: { readonly annotations: Readonly<Record<string, string>> };
  readonly securityContext?: object;
}

function podPart(delivery: Delivery, { reference, kind }: PodRequest): PodPart {
  const { registry, repository, digest } = reference;
  const pinned = formatReference({ registry, repository, digest });
  const field = kind === 'Seccomp' ? 'seccompProfile' : 'appArmorProfile';
  switch (delivery) {
    case 'localhost': {
      const localhostProfile = formatLocalhostProfile({ reference: pinned });
      return { securityContext: { [field]: { type: 'Localhost', localhostProfile } } };
    }
    case 'oci':
      return { securityContext: { [field]: { type: 'OCI', oci: { ref: pinned } } } };
    case 'crio':
      return { metadata: { annotations: { [`seccomp-profile.crio.io/${containerName(reference)}`]: pinned } } };
  }
}

/** Returns the last segment of a repository as the name of a container: a label of DNS. */
export function containerName({ repository }: Pick<PinnedReference, 'repository'>): string {
  const name = repository.replace(/^.*\//, '').replace(/[._]+/g, '-');
  return name.slice(0, 63).replace(/-+$/, '');
}
