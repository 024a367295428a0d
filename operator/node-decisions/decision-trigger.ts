import type { Reconcilable, Trigger } from '#lib/kube/controller';
import type { ReadableStore } from '#lib/kube/object-store';
import { objectKey } from '#lib/kube/resource';
import type { KnownDecisions } from './node-decisions.ts';

/**
 * Returns a trigger for the objects of a store, by the artifact about which nodes decide. The
 * controller does not wait until decisions are known.
 */
export function decisionTrigger(
  decisions: Pick<KnownDecisions, 'onChange'>,
  store: ReadableStore<Reconcilable, 'artifact'>,
): Trigger {
  const keysOf = (artifact: string) => store.byIndex('artifact', artifact).map(({ metadata }) => objectKey(metadata));
  return {
    synced: async () => undefined,
    onChange: (add) =>
      decisions.onChange((artifacts) => {
        for (const key of artifacts === undefined ? store.keys() : [...artifacts].flatMap(keysOf)) add(key);
      }),
  };
}
