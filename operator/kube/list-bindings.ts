import type { ApiServer } from '#lib/kube/api-server';
import { CurrentLists } from '#lib/kube/current-lists';
import { fairleadGroup, profilesGroup } from '../api/shared/resource-definition.ts';
import type { Binding } from '../bind/binding.ts';
import { readArtifactBinding, readClusterArtifactBinding, readProfileBinding } from '../bind/read-binding.ts';

/** The source of bindings. */
export interface BindingSource {
  /**
   * Returns the bindings of a namespace and of the cluster as they are at a moment after this call.
   * Throws what `CurrentList.list` throws.
   */
  list(namespace: string): Promise<readonly Binding[]>;
  /** Verifies that all kinds of bindings can be listed. */
  probe(): Promise<void>;
}

const version = 'v1alpha1';
const ifNotServed = 'Apply the CustomResourceDefinitions of this version: fairlead operator manifests --crds.';
const artifactBindings = { group: fairleadGroup, version, plural: 'artifactbindings', kind: 'ArtifactBinding' };
const clusterArtifactBindings = {
  ...{ group: fairleadGroup, version, plural: 'clusterartifactbindings', kind: 'ClusterArtifactBinding' },
};
const profileBindings = { group: profilesGroup, version: 'v1', plural: 'profilebindings', kind: 'ProfileBinding' };

/**
 * Returns a source that reads bindings from the API server, so that a binding that was created
 * before a pod always holds. There is deliberately no cache: with one there is a moment, and after
 * a lost connection many, in which a pod would slip through unbound.
 */
export function bindingSource(api: ApiServer): BindingSource {
  const lists = new CurrentLists(api);
  const kinds = [
    lists.of({ resource: { ...artifactBindings, namespaced: true }, parse: readArtifactBinding, ifNotServed }),
    lists.of({
      resource: { ...clusterArtifactBindings, namespaced: false },
      parse: readClusterArtifactBinding,
      ifNotServed,
    }),
    lists.of({ resource: { ...profileBindings, namespaced: true }, parse: readProfileBinding, ifNotServed }),
  ];
  return {
    async list(namespace) {
      const listed = await Promise.all(kinds.map((kind) => kind.list(namespace)));
      return listed.flat().filter((binding) => binding !== undefined);
    },
    async probe() {
      await Promise.all(kinds.map((kind) => kind.probe()));
    },
  };
}
