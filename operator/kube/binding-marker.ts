import * as v from 'valibot';
import type { KubeObject, ObjectToWrite } from '#lib/kube/kube-object';
import type { Resource } from '#lib/kube/resource';

/** The name of the markers. */
export const markerName = 'fairlead-marker';

const markerLabel = 'fairlead.dev/marker';

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

const markerSchema = v.object({
  metadata: v.object({ name: v.literal(markerName), labels: v.object({ [markerLabel]: v.string() }) }),
  spec: v.object({
    podSelector: v.object({ matchExpressions: v.array(v.object({ key: v.string(), operator: v.string() })) }),
  }),
});

/**
 * Reports whether a binding is a marker, which is not shown to users: by its name and its label,
 * and because it can select no pod. A binding with only the name or the label of a marker is shown
 * and counted.
 */
export function isMarker(object: Pick<KubeObject, 'metadata'>): boolean {
  const marker = v.safeParse(markerSchema, object);
  if (!marker.success) return false;
  const { matchExpressions } = marker.output.spec.podSelector;
  return nothing.matchExpressions.every(({ key, operator }) =>
    matchExpressions.some((each) => each.key === key && each.operator === operator),
  );
}
