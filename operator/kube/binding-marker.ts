import type { ObjectToWrite } from '#lib/kube/kube-object';
import type { Resource } from '#lib/kube/resource';

/** The name of the markers. */
export const markerName = 'fairlead-marker';

const markerLabel = 'fairlead.dev/marker';

/** Selects the bindings that are no markers, in lists and watches. */
export const exceptMarkers = `!${markerLabel}`;

/** No pod and no namespace has a label and does not have it. */
const nothing = {
  matchExpressions: [
    { key: markerLabel, operator: 'Exists' },
    { key: markerLabel, operator: 'DoesNotExist' },
  ],
};
/** The digest of nothing. No registry can have this name (RFC 2606). */
const reference = 'registry.invalid/none@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const specs: Readonly<Record<string, object>> = {
  ArtifactBinding: { reference, podSelector: nothing },
  ClusterArtifactBinding: { reference, podSelector: nothing, namespaceSelector: nothing },
  ProfileBinding: { profileRef: { kind: 'SeccompProfile', name: markerName }, image: '*', podSelector: nothing },
};

/**
 * Returns the binding that is written to in order to show that what is known of its kind is current
 * (lib/kube/followed-objects.ts). It selects no pod, and is read like any other.
 *
 * @param resource a kind of bindings.
 * @param namespace that of the operator.
 */
export function bindingMarker({ kind, namespaced }: Resource, namespace: string): ObjectToWrite {
  return {
    metadata: { name: markerName, ...(namespaced && { namespace }), labels: { [markerLabel]: 'true' } },
    spec: specs[kind],
  };
}
