import { FairBudget } from '#lib/concurrency/fair-budget';
import { Departures } from '#lib/concurrency/flights';
import { FairleadError } from '#lib/errors';
import type { ApiServer } from '#lib/kube/api-server';
import { hasFewValues } from '#lib/kube/json-size';
import { type ArtifactBinding, parseBindingPage } from '../api/artifactbinding/v1alpha1/artifact-binding.ts';

/** Where bindings come from. */
export interface BindingSource {
  /**
   * The ArtifactBindings of a namespace as they are at this moment. Throws what {@link
   * ApiServer.get} throws, InvalidInput for a binding that is invalid, LimitExceeded if they are
   * more than 500, or have more than 4 MiB or 100,000 values, Unavailable if the list is large and
   * does not get its turn within 1 s.
   */
  list(namespace: string): Promise<readonly ArtifactBinding[]>;
  /**
   * Resolves when bindings can be listed: the API server answers, the CRD is there, and we are
   * allowed. Throws as list does.
   */
  probe(): Promise<void>;
}

const path = '/apis/fairlead.dev/v1alpha1';
const maxBindings = 500;
/** 8 KiB for each, of which hardly one has 2. */
const maxListBytes = 4 * 1024 * 1024;
const maxListValues = 100_000;
/**
 * Larger lists take turns: read all at once, they would take more memory and time than there is.
 */
const smallListBytes = 128 * 1024;
const largeListsInFlight = { total: 4, share: 1 };
const turnWithinMs = 1000;

/**
 * Reads bindings from the API server, anew for each question. There is no cache, on purpose: the
 * API server answers a list without resourceVersion from etcd by quorum, so that a binding that was
 * created before a pod is always seen when that pod is admitted. With a watch cache there is a
 * moment, and after a lost connection many, where the pod would slip through unbound. A namespace's
 * bindings are few; the list costs a few milliseconds of each pod creation. Those who ask while a
 * list of the namespace is read share the next one.
 */
export function bindingSource(api: ApiServer): BindingSource {
  const lists = new Departures<readonly ArtifactBinding[]>();
  const large = new FairBudget(largeListsInFlight);
  const read = async (namespace: string): Promise<readonly ArtifactBinding[]> => {
    const title = `list the ArtifactBindings of namespace ${namespace}`;
    const held: (() => void)[] = [];
    const turn = async (): Promise<void> => {
      const late = new AbortController();
      const timer = setTimeout(() => {
        late.abort(new FairleadError('Unavailable', 'it is large, and too many other large ones are read'));
      }, turnWithinMs);
      held.push(await large.acquire(namespace, 1, late.signal).finally(() => clearTimeout(timer)));
    };
    try {
      const resource = `${path}/namespaces/${encodeURIComponent(namespace)}/artifactbindings?limit=${maxBindings}`;
      const size = { max: maxListBytes, small: smallListBytes, turn };
      const json = await api.get({ path: resource, title, size });
      if (!hasFewValues(Buffer.from(json), maxListValues)) {
        throw new FairleadError('LimitExceeded', `cannot ${title}: they have more than ${maxListValues} values`);
      }
      const page = parseBindingPage(json);
      if (page.more) throw new FairleadError('LimitExceeded', `cannot ${title}: there are more than ${maxBindings}`);
      return page.bindings;
    } finally {
      for (const giveBack of held) giveBack();
    }
  };
  return {
    list: (namespace) => lists.join(namespace, undefined, () => read(namespace)).result,
    async probe() {
      await api.get({ path: `${path}/artifactbindings?limit=1`, title: 'list the ArtifactBindings' });
    },
  };
}
