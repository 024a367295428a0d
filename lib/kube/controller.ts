import { FairleadError, toFairleadError } from '#lib/errors';
import { Turns } from '../concurrency/turns.ts';
import { ApiError, isNotFound, isOutage } from './api-error.ts';
import type { Backoff } from './backoff.ts';
import type { Informer } from './informer.ts';
import type { Change, RejectedObject } from './informer-options.ts';
import type { ObjectMeta } from './kube-object.ts';
import type { KubeLog } from './log.ts';
import { mergePatchOf } from './merge-patch.ts';
import type { KubeMetrics, ReconcileResult } from './metrics.ts';
import type { ObjectClient } from './object-client.ts';
import { parseObjectKey } from './resource.ts';
import { type Failure, type KeyRate, type Processed, WorkQueue } from './work-queue.ts';

/** What a controller needs to know of an object. */
export interface Reconcilable {
  readonly metadata: ObjectMeta;
  /** As the API server has returned it. */
  readonly status?: object | undefined;
}

/** The result of reconciling an object. */
export interface Reconciled {
  /** The whole status that the object is to have; undefined leaves the status as it is. */
  readonly status?: object | undefined;
  /** Milliseconds after which the object is reconciled again, even if nothing has changed. */
  readonly requeueAfter?: number | undefined;
}

export interface ControllerOptions<T extends Reconcilable> {
  /** The name in metrics and logs. */
  readonly name: string;
  /** Writes the status. */
  readonly client: ObjectClient;
  /** Who writes, in the managed fields of objects. */
  readonly fieldManager: string;
  /** The objects that are reconciled. The caller starts and stops it. */
  readonly informer: Pick<Informer<T>, 'resource' | 'store' | 'rejection' | 'synced' | 'onChange'>;
  /** What else the objects depend on; see {@link triggerOf}. */
  readonly triggers?: readonly Trigger[] | undefined;
  /**
   * Brings the world to the state that an object specifies. What it throws is tried again. `signal`
   * aborts when it has taken too long: it is then tried again as well, and has to write nothing
   * more.
   */
  reconcile(object: T, signal: AbortSignal): Promise<Reconciled>;
  /** Is called for an object that its informer has rejected, for example to report why. */
  rejected?(rejected: RejectedObject): Promise<Reconciled>;
  /** Is called for the key of an object that exists no more. What it throws is tried again. */
  removed?(key: string): Promise<void>;
  /** How many objects are reconciled at the same time, 4 by default. */
  readonly concurrency?: number | undefined;
  /** Milliseconds in which an object has to be reconciled, 60,000 by default. */
  readonly within?: number | undefined;
  readonly backoff?: Backoff | undefined;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
}

/** Other objects, whose changes cause objects of a controller to be reconciled. */
export interface Trigger {
  /** Resolves when the controller may begin, as far as these objects are concerned. */
  synced(): Promise<void>;
  onChange(add: (key: string) => void): () => void;
}

const defaultWithin = 60_000;
/**
 * Milliseconds in which an API server has to write an object. One with 100,000 items in a list may
 * take it ten seconds; given up earlier, it would be written again and again.
 */
export const writeWithin = 30_000;
/**
 * An object, or what it depends on, may change all the time: by another controller that writes the
 * same status, or by thousands of pods that use a profile.
 */
const keyRate: KeyRate = { burst: 30, everyMs: 1000 };

/** Returns a trigger; `keysOf` returns the keys of the objects that a change concerns. */
export function triggerOf<T>(
  informer: Pick<Informer<T>, 'synced' | 'onChange'>,
  keysOf: (change: Change<T>) => Iterable<string>,
): Trigger {
  return {
    synced: () => informer.synced(),
    onChange: (add) =>
      informer.onChange((change) => {
        for (const key of keysOf(change)) add(key);
      }),
  };
}

/**
 * Returns a trigger that a controller does not wait for if it cannot be listed: its objects are
 * reconciled without, and all of them again (`allKeys`) when it was listed. The reconciler has to
 * ask whether it was (`hasSynced`), before anything is concluded from an object that is missing.
 */
export function optionalTriggerOf<T>(
  informer: Pick<Informer<T>, 'settled' | 'synced' | 'hasSynced' | 'onChange'>,
  keysOf: (change: Change<T>) => Iterable<string>,
  allKeys: () => Iterable<string>,
): Trigger {
  const { onChange } = triggerOf(informer, keysOf);
  return {
    synced: () => informer.settled(),
    onChange(add) {
      let isEnded = false;
      const addAll = (): void => {
        if (!isEnded) for (const key of allKeys()) add(key);
      };
      // One that is stopped has nothing to say.
      if (!informer.hasSynced) informer.synced().then(addAll, () => undefined);
      const end = onChange(add);
      return () => {
        isEnded = true;
        end();
      };
    },
  };
}

/**
 * Reconciles each object of an informer when it, or something that it depends on, has changed, and
 * writes its status if that is another then. Begins when everything is known, so that nothing is
 * concluded from an object that was not listed yet; {@link optionalTriggerOf} makes exceptions.
 * Whatever fails is tried again, with growing delays, and nothing else for a while if the API
 * server cannot answer. Resolves when `signal` has aborted and what is being reconciled has ended.
 */
export async function runController<T extends Reconcilable>(
  options: ControllerOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  await new Controller(options, signal).run();
}

class Controller<T extends Reconcilable> {
  readonly #options: ControllerOptions<T>;
  readonly #signal: AbortSignal;
  readonly #aborted: Promise<void>;
  /** To validate an object may take half a second: requests are answered between two of them. */
  readonly #turns = new Turns();
  /** Versions of objects that are known to be old, since their status was written for example. */
  readonly #outdated = new Map<string, string>();

  constructor(options: ControllerOptions<T>, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#aborted = new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  async run(): Promise<void> {
    const { name, informer, triggers = [], concurrency = 4, backoff, metrics } = this.#options;
    if (this.#signal.aborted) return;
    await Promise.race([this.#aborted, Promise.all([informer, ...triggers].map((each) => each.synced()))]);
    if (this.#signal.aborted) return;
    const queue = new WorkQueue({
      concurrency,
      backoff,
      keyRate,
      process: (key) => this.#process(key),
      onFailure: (failure) => this.#logFailure(failure),
      isOutage,
    });
    const endings = [
      informer.onChange(({ key }) => queue.add(key)),
      ...triggers.map((trigger) => trigger.onChange((key) => queue.add(key))),
    ];
    const endReport = metrics?.reportDepth(name, () => queue.depth);
    await this.#aborted;
    for (const end of endings) end();
    await queue.stop();
    endReport?.();
  }

  async #process(key: string): Promise<Processed | undefined> {
    const { name, metrics } = this.#options;
    await this.#turns.take();
    const begun = performance.now();
    let result: ReconcileResult = 'failed';
    try {
      const processed = await this.#inTime((late) => this.#reconcile(key, late));
      result = 'done';
      return processed;
    } catch (thrown) {
      if (isConflict(thrown)) result = 'conflict';
      throw thrown;
    } finally {
      metrics?.countReconcile(name, result, (performance.now() - begun) / 1000);
    }
  }

  /** Gives up on work that takes too long: others wait for its turn. */
  async #inTime<R>(work: (late: AbortSignal) => Promise<R>): Promise<R> {
    const { within = defaultWithin } = this.#options;
    const late = new AbortController();
    const failed = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new FairleadError('Unavailable', `it was not reconciled within ${within / 1000} s`);
      late.abort(error);
      failed.reject(error);
    }, within);
    try {
      return await Promise.race([work(late.signal), failed.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #reconcile(key: string, late: AbortSignal): Promise<Processed | undefined> {
    const { informer, removed } = this.#options;
    const object = informer.store.get(key);
    const rejected = informer.rejection(key);
    const metadata = (object ?? rejected?.object)?.metadata;
    if (metadata === undefined) {
      this.#outdated.delete(key);
      await removed?.(key);
      return undefined;
    }
    // A newer version is on its way, and will add the key.
    if (this.#outdated.get(key) === metadata.resourceVersion) return undefined;
    this.#outdated.delete(key);
    if (object !== undefined) return await this.#reconcileHeld(key, object, late);
    // It exists: nothing that belongs to it may go.
    return rejected === undefined ? undefined : await this.#reconcileRejected(rejected);
  }

  async #reconcileHeld(key: string, object: T, late: AbortSignal): Promise<Processed> {
    const { status, requeueAfter } = await this.#options.reconcile(object, late);
    // It took too long, and the object may be reconciled again already.
    late.throwIfAborted();
    await this.#writeStatus(key, object.metadata, object.status, status);
    return { requeueAfter };
  }

  async #reconcileRejected(rejected: RejectedObject): Promise<Processed | undefined> {
    const reconciled = await this.#options.rejected?.(rejected);
    if (reconciled === undefined) return undefined;
    const { metadata, status } = rejected.object;
    const held = typeof status === 'object' && status !== null ? status : undefined;
    await this.#writeStatus(rejected.key, metadata, held, reconciled.status);
    return { requeueAfter: reconciled.requeueAfter };
  }

  /**
   * Writes a status if it differs. It is a patch of what differs, which needs nothing else of the
   * object, and holds only for the version that it was computed from. Not server-side apply: fields
   * that another manager has set before, such as the Security Profiles Operator, would stay.
   */
  async #writeStatus(
    key: string,
    { uid, resourceVersion }: ObjectMeta,
    held: object = {},
    status: object = held,
  ): Promise<void> {
    const { client, informer, fieldManager } = this.#options;
    const patch = mergePatchOf({ status: held }, { status });
    if (patch === undefined || this.#signal.aborted) return;
    const write = { subresource: 'status', fieldManager, answerWithin: writeWithin } as const;
    try {
      const name = parseObjectKey(key);
      const written = await client.mergePatch(
        informer.resource,
        name,
        { metadata: { uid, resourceVersion }, ...patch },
        write,
      );
      // The same version if the API server leaves out what we have set.
      if (written.metadata.resourceVersion !== resourceVersion) this.#outdated.set(key, resourceVersion);
    } catch (thrown) {
      // Deleted meanwhile, as its informer knows by now or at the next attempt.
      const isGone = isNotFound(thrown) && informer.store.get(key) === undefined;
      // An informer may be behind for half a minute after an outage: the same would fail again.
      if (isConflict(thrown)) this.#outdated.set(key, resourceVersion);
      if (!isGone) throw thrown;
    }
  }

  #logFailure({ key, thrown, failures, againAfterMs }: Failure): void {
    const { name: controller, log } = this.#options;
    const fields = { controller, key, err: toFairleadError(thrown), failures, againAfterMs };
    // Nothing unusual: the object was changed while it was reconciled.
    if (isConflict(thrown)) log.debug(fields, 'an object has changed meanwhile');
    else log.warn(fields, 'an object could not be reconciled');
  }
}

function isConflict(thrown: unknown): boolean {
  return thrown instanceof ApiError && thrown.status === 409;
}
