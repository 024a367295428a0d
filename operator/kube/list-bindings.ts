import { FairBudget } from '#lib/concurrency/fair-budget';
import { Departures } from '#lib/concurrency/flights';
import { FairleadError } from '#lib/errors';
import type { ApiServer } from '#lib/kube/api-server';
import { hasFewValues } from '#lib/kube/json-size';
import { type ArtifactBinding, parseBindingPage } from '../api/artifactbinding/v1alpha1/artifact-binding.ts';

/** The source of bindings. */
export interface BindingSource {
  /**
   * Returns the ArtifactBindings of a namespace as they are at this moment. Throws what {@link
   * ApiServer.get} throws, InvalidInput for an invalid binding, LimitExceeded for more than 500
   * bindings, 4 MiB or 100,000 values, Unavailable if the list is large and does not get its turn
   * within 1 s.
   */
  list(namespace: string): Promise<readonly ArtifactBinding[]>;
  /**
   * Verifies that bindings can be listed: the API server answers, the CRD exists, and we are
   * allowed. Throws as list does.
   */
  probe(): Promise<void>;
}

const path = '/apis/fairlead.dev/v1alpha1';
const maxBindings = 500;
/** 8 KiB for each binding; hardly any has 2. */
const maxListBytes = 4 * 1024 * 1024;
const maxListValues = 100_000;
/** Larger lists take turns: read at the same time, they would take too much memory and time. */
const smallListBytes = 128 * 1024;
const largeListsInFlight = { total: 4, share: 1 };
const turnWithinMs = 1000;

/**
 * Returns a source that reads bindings from the API server for each question. There is deliberately
 * no cache: the API server answers a list without resourceVersion from etcd by quorum, so that a
 * binding that was created before a pod is always seen when that pod is admitted. With a watch
 * cache there is a moment, and after a lost connection many, in which a pod would slip through
 * unbound. A namespace has few bindings; the list costs a few milliseconds of each pod creation.
 * Callers that ask while a list of the namespace is read share the next one.
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
        late.abort(new FairleadError('Unavailable', 'it is large, and too many other large lists are being read'));
      }, turnWithinMs);
      held.push(await large.acquire(namespace, 1, late.signal).finally(() => clearTimeout(timer)));
    };
    try {
      const resource = `${path}/namespaces/${encodeURIComponent(namespace)}/artifactbindings?limit=${maxBindings}`;
      const size = { max: maxListBytes, small: smallListBytes, turn };
      const json = await api.get({ path: resource, title, size });
      if (!hasFewValues(Buffer.from(json), maxListValues)) {
        throw new FairleadError('LimitExceeded', `cannot ${title}: more than ${maxListValues} JSON values`);
      }
      const page = parseBindingPage(json);
      if (page.more) throw new FairleadError('LimitExceeded', `cannot ${title}: more than ${maxBindings} bindings`);
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
