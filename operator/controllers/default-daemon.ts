import { setTimeout as sleep } from 'node:timers/promises';
import { toFairleadError } from '#lib/errors';
import { ApiError } from '#lib/kube/api-error';
import { atLeast, type Backoff, backoffDelay } from '#lib/kube/backoff';
import type { Informer } from '#lib/kube/informer';
import type { KubeLog } from '#lib/kube/log';
import type { ObjectClient } from '#lib/kube/object-client';
import { objectKey } from '#lib/kube/resource';
import { daemonName } from '../api/securityprofilesoperatordaemon/v1.ts';
import { fieldManager } from '../kube/field-manager.ts';
import { daemons } from './cluster-view.ts';

export interface DefaultDaemonDependencies {
  readonly client: Pick<ObjectClient, 'create'>;
  /** The objects that exist. The caller starts and stops it. */
  readonly informer: Pick<Informer<unknown>, 'synced' | 'store' | 'rejection'>;
  /** The namespace of the operator. */
  readonly namespace: string;
  readonly log: KubeLog;
  readonly backoff?: Backoff;
}

/** For a namespace or a right that is missing: an administrator has to add it. */
const defaultBackoff: Backoff = { initialMs: 1000, maxMs: 300_000 };

/**
 * Creates the SecurityProfilesOperatorDaemon `spod` without settings if it does not exist, as the
 * Security Profiles Operator does: its documentation and its users patch that object. Whatever
 * fails is logged and tried again, until `signal` aborts. One that is deleted later stays deleted
 * until the next start.
 */
export async function createDefaultDaemon(
  { client, informer, namespace, log, backoff = defaultBackoff }: DefaultDaemonDependencies,
  signal: AbortSignal,
): Promise<void> {
  const name = { namespace, name: daemonName };
  if (!(await hasSynced(informer, signal))) return;
  const key = objectKey(name);
  for (let failures = 1; !signal.aborted; failures++) {
    if (informer.store.get(key) !== undefined || informer.rejection(key) !== undefined) return;
    let retryAfterMs: number | undefined;
    try {
      await client.create(daemons, { metadata: name, spec: {} }, { fieldManager });
      log.info(name, 'created the SecurityProfilesOperatorDaemon with the defaults');
      return;
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.reason === 'AlreadyExists') return;
      if (signal.aborted) return;
      if (thrown instanceof ApiError) retryAfterMs = thrown.retryAfterMs;
      log.warn(
        { ...name, err: toFairleadError(thrown) },
        'cannot create the SecurityProfilesOperatorDaemon; trying again',
      );
    }
    const delay = atLeast(retryAfterMs, backoffDelay(backoff, failures));
    await sleep(delay, undefined, { signal }).catch(() => undefined);
  }
}

/** Resolves to false if `signal` aborts, or the informer stops, before it knows what exists. */
async function hasSynced(informer: Pick<Informer<unknown>, 'synced'>, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  const aborted = Promise.withResolvers<boolean>();
  const abort = (): void => aborted.resolve(false);
  signal.addEventListener('abort', abort, { once: true });
  const synced = informer.synced().then(
    () => true,
    () => false,
  );
  const result = await Promise.race([synced, aborted.promise]);
  signal.removeEventListener('abort', abort);
  return result;
}
