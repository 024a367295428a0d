import { FairleadError } from '#lib/errors';
import type { ApiServer } from './api-server.ts';
import { type ArtifactBinding, parseBindingPage } from './artifact-binding.ts';

/** Where bindings come from. */
export interface BindingSource {
  /**
   * The ArtifactBindings of a namespace as they are at this moment. Throws what {@link ApiServer.get} throws,
   * InvalidInput for a binding that is invalid, LimitExceeded if there are more than 500.
   */
  list(namespace: string): Promise<readonly ArtifactBinding[]>;
  /** Resolves when bindings can be listed: the API server answers, the CRD is there, and we are allowed. Throws as list does. */
  probe(): Promise<void>;
}

const path = '/apis/fairlead.dev/v1alpha1';
const maxBindings = 500;

/**
 * Reads bindings from the API server, each time anew. There is no cache, on purpose: the API server answers a list
 * without resourceVersion from etcd by quorum, so that a binding that was created before a pod is always seen when that
 * pod is admitted. With a watch cache there is a moment, and after a lost connection many, where the pod would slip
 * through unbound. A namespace's bindings are few; the list costs a few milliseconds of each pod creation.
 */
export function bindingSource(api: ApiServer): BindingSource {
  return {
    async list(namespace) {
      const title = `list the ArtifactBindings of namespace ${namespace}`;
      const resource = `${path}/namespaces/${encodeURIComponent(namespace)}/artifactbindings?limit=${maxBindings}`;
      const page = parseBindingPage(await api.get({ path: resource, title }));
      if (page.more) throw new FairleadError('LimitExceeded', `cannot ${title}: there are more than ${maxBindings}`);
      return page.bindings;
    },
    async probe() {
      await api.get({ path: `${path}/artifactbindings?limit=1`, title: 'list the ArtifactBindings' });
    },
  };
}
