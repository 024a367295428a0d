import type { ProfileReference } from '#lib/node/reference/localhost-profile';

/** The field of `securityContext.seccompProfile.oci` with the reference. KEP-6061 renamed it. */
export type OciField = 'ref' | 'reference';

/** How the operator writes an artifact into a pod. */
export type Delivery =
  /** A Localhost profile, which every kubelet passes to the runtime, and cri-shim resolves. */
  | { readonly type: 'Localhost'; readonly because: string }
  /** The type OCI (KEP-6061). */
  | { readonly type: 'OCI'; readonly field: OciField };

/** A node, reduced to whether its kubelet knows the type OCI. */
export interface DeliveryNode {
  readonly name: string;
  /** As the kubelet reports it: `linux`. */
  readonly operatingSystem: string;
  /** As the kubelet reports it: `v1.38.2-gke.1`. */
  readonly kubeletVersion: string;
  /** The features that the node declares (KEP-5328). */
  readonly declaredFeatures: readonly string[];
}

/** What decides on the delivery in a namespace. */
export interface DeliveryFacts {
  /** Undefined if the API server does not have the type OCI. */
  readonly field: OciField | undefined;
  /** The minor version of the API server: 38 for 1.38. NaN if it does not tell. */
  readonly serverMinor: number;
  /** All nodes; undefined if they are not known at the moment. */
  readonly nodes: readonly DeliveryNode[] | undefined;
  /** The labels of the namespace; undefined if they are not known. */
  readonly namespaceLabels: ReadonlyMap<string, string> | undefined;
}

/** The names under which nodes declare that they know the type OCI (KEP-6061, and its code). */
const features: ReadonlySet<string> = new Set(['SecurityProfileOCI', 'SecurityProfileOCIArtifact']);
/** Kubelets before run a type that they do not know unconfined (kubernetes/kubernetes#141958). */
const firstKubelet = 38;
/** Until this version, the Pod Security level `restricted` refuses the type OCI. */
const firstRestricted = 41;
const enforceLabel = 'pod-security.kubernetes.io/enforce';

/**
 * Returns how artifacts are written into the pods of a namespace, if the administrator has asked
 * for the type OCI. It is written only where nothing could run unconfined because of it: each node
 * for Linux must know it, and declare so.
 */
export function deliveryOf({ field, serverMinor, nodes, namespaceLabels }: DeliveryFacts): Delivery {
  const localhost = (because: string): Delivery => ({ type: 'Localhost', because });
  if (field === undefined) return localhost('the API server does not have the type OCI');
  if (nodes === undefined) return localhost('the nodes are not known');
  // Reported by the kubelet. Only Windows is another one.
  const linux = nodes.filter(({ operatingSystem }) => operatingSystem !== 'windows');
  if (linux.length === 0) return localhost('there are no nodes');
  for (const { name, kubeletVersion, declaredFeatures } of linux) {
    if (!isSince(kubeletVersion, firstKubelet)) return localhost(`node ${name} has the kubelet ${kubeletVersion}`);
    if (!declaredFeatures.some((feature) => features.has(feature))) {
      return localhost(`node ${name} does not declare the feature SecurityProfileOCI`);
    }
  }
  if (namespaceLabels === undefined) return localhost('the labels of the namespace are not known');
  if (namespaceLabels.get(enforceLabel) === 'restricted' && !(serverMinor >= firstRestricted)) {
    return localhost(
      `the namespace has ${enforceLabel}=restricted, which refuses the type OCI before 1.${firstRestricted}`,
    );
  }
  return { type: 'OCI', field };
}

/** Reports whether a version is 1.`minor` or newer. Vendors append a text: `v1.38.2-gke.1`. */
function isSince(version: string, minor: number): boolean {
  const [, major, actual, suffix = ''] = /^v(\d+)\.(\d+)\.\d+(.*)$/.exec(version) ?? [];
  if (major !== '1') return Number(major) > 1;
  return Number(actual) > minor || (Number(actual) === minor && !/^-(alpha|beta|rc)\b/.test(suffix));
}

/**
 * Returns the value of `seccompProfile` that names an artifact by the type OCI; undefined if the
 * nodes only log what the artifact refuses, which the type does not support.
 */
export function ociProfile({ reference, base, mode }: ProfileReference, field: OciField): object | undefined {
  if (mode !== undefined) return undefined;
  const baseProfile =
    base === undefined || base === 'RuntimeDefault'
      ? base && { type: 'RuntimeDefault' }
      : { type: 'Localhost', localhostProfile: base.localhost };
  return { type: 'OCI', oci: { [field]: reference, ...(baseProfile && { baseProfile }) } };
}
