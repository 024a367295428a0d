import type { ApiServer } from '#lib/kube/api-server';
import { type CurrentList, CurrentLists, type ListedKind } from '#lib/kube/current-lists';
import { type ArtifactBinding, parseBinding } from '../api/artifactbinding/v1alpha1/artifact-binding.ts';

/** The source of bindings. */
export type BindingSource = CurrentList<ArtifactBinding>;

const artifactBindings: ListedKind<ArtifactBinding> = {
  resource: {
    group: 'fairlead.dev',
    version: 'v1alpha1',
    plural: 'artifactbindings',
    kind: 'ArtifactBinding',
    namespaced: true,
  },
  parse: parseBinding,
  ifNotServed: 'Apply deploy/operator/crd.yaml.',
};

/**
 * Returns a source that reads bindings from the API server, so that a binding that was created
 * before a pod always holds. There is deliberately no cache: with one there is a moment, and after
 * a lost connection many, in which a pod would slip through unbound.
 */
export function bindingSource(api: ApiServer): BindingSource {
  return new CurrentLists(api).of(artifactBindings);
}
