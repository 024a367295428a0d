import type { ApiServer } from '#lib/kube/api-server';
import { CurrentLists } from '#lib/kube/current-lists';
import type { Resource } from '#lib/kube/resource';
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
const artifactBindings = { group: fairleadGroup, version, plural: 'artifactbindings', kind: 'ArtifactBinding' };
const clusterArtifactBindings = {
  ...{ group: fairleadGroup, version, plural: 'clusterartifactbindings', kind: 'ClusterArtifactBinding' },
};
const profileBindings = { group: profilesGroup, version: 'v1', plural: 'profilebindings', kind: 'ProfileBinding' };

/** A kind of bindings: where they are, and how they are read. */
interface BindingKindOfApi {
  readonly resource: Resource;
  readonly parse: (object: unknown) => Binding | undefined;
}

/** All kinds of bindings. */
export const bindingKinds: readonly BindingKindOfApi[] = [
  { resource: { ...artifactBindings, namespaced: true }, parse: readArtifactBinding },
  { resource: { ...clusterArtifactBindings, namespaced: false }, parse: readClusterArtifactBinding },
  { resource: { ...profileBindings, namespaced: true }, parse: readProfileBinding },
];

/**
 * Returns a source that reads bindings from the API server, so that a binding that was created
 * before a pod always holds. There is deliberately no cache: with one there is a moment, and after
 * a lost connection many, in which a pod would slip through unbound.
 */
export function bindingSource(api: ApiServer): BindingSource {
  const lists = new CurrentLists(api);
  const kinds = bindingKinds.map((kind) => lists.of(kind));
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
