import { selectsNothing } from '../api/label-selector.ts';
import type { BindingContext } from '../bind/decide.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { BindingSource } from './list-bindings.ts';

/** What an admission is decided with. */
export interface AdmissionSource {
  /**
   * Returns the bindings of a namespace and of the cluster as they are at this moment, and what
   * they refer to. Throws what {@link BindingSource.list} throws, and Unavailable before the
   * objects that bindings refer to have been listed once.
   */
  read(namespace: string): Promise<BindingContext>;
  /** Verifies that it can be read. Throws as read does. */
  probe(): Promise<void>;
}

/** Returns the source for admissions of an API server. */
export function admissionSource(bindings: BindingSource, cluster: ClusterObjects): AdmissionSource {
  return {
    async read(namespace) {
      cluster.check();
      const listed = await bindings.list(namespace);
      // A binding holds for pods that are created after the label that selects their namespace.
      const isSelective = listed.some(
        ({ namespaceSelector, podSelector }) => namespaceSelector !== undefined && !selectsNothing(podSelector),
      );
      const state = await cluster.stateFor(namespace, isSelective ? 'current' : 'held');
      return { namespace, bindings: listed, cluster: state };
    },
    async probe() {
      cluster.check();
      await bindings.probe();
    },
  };
}
