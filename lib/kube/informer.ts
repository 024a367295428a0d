import { setTimeout as sleep } from 'node:timers/promises';
import { type FairleadError, toFairleadError } from '#lib/errors';
import { isExpired, retryAfterOf } from './api-error.ts';
import { type Arrival, Arrivals, versionNumber } from './arrivals.ts';
import { atLeast, type Backoff, backoffDelay } from './backoff.ts';
import { backoffAfter, bookmarkVersion, RareWarnings, rejectionOf } from './informer-failures.ts';
import type { Change, ChangeListener, InformerOptions, RejectedObject } from './informer-options.ts';
import { type KubeObject, toKubeObject } from './kube-object.ts';
import { memoryOf, NamespaceShares } from './namespace-shares.ts';
import { type IndexFunction, ObjectStore, type ReadableStore } from './object-store.ts';
import { objectKey, type Resource } from './resource.ts';
import type { WatchEvent } from './watch-objects.ts';

const defaultWatchSeconds = 240;
const defaultBackoff: Backoff = { initialMs: 1000, maxMs: 30_000 };

/** How long namespaces are not held before everything is listed again. */
const releasedForMs = 600_000;
/**
 * A version that is no longer known is nothing unusual, several times in a row too: API servers
 * forget the versions of a resource whose definition was just changed. More in a row are a failure.
 */
const mostExpired = 5;

interface Rejection {
  readonly version: string;
  readonly rejected: RejectedObject;
}

/**
 * Holds the objects of a collection in memory: lists them, then follows their changes. It never
 * ends by itself, whatever the API server does: it begins the watch again where it ended, and lists
 * again if that is not possible, with growing delays if either fails.
 *
 * What it holds may be older than what was read from or written to the API server directly, but
 * becomes as new at some time.
 */
export class Informer<T, Index extends string = never> {
  readonly #options: InformerOptions<T, Index>;
  readonly #store: ObjectStore<T, Index>;
  readonly #rejections = new Map<string, Rejection>();
  readonly #listeners = new Set<ChangeListener<T>>();
  readonly #shares: NamespaceShares;
  /** When everything was listed last, in time of `performance.now`. */
  #listedAt = 0;
  readonly #stopped = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<void>();
  #hasSynced = false;
  /** After which changes are to be watched; undefined if everything has to be listed. */
  #version: string | undefined;
  readonly #arrivals = new Set<Arrivals>();
  #problem: FairleadError | undefined;
  readonly #warnings = new RareWarnings();
  #running: Promise<void> | undefined;
  #resync: NodeJS.Timeout | undefined;

  constructor(options: InformerOptions<T, Index>) {
    this.#options = options;
    this.#shares = new NamespaceShares(options.mostBytes ?? Number.POSITIVE_INFINITY);
    this.#store = new ObjectStore(options.indexes ?? ({} as Record<Index, IndexFunction<T>>));
    // Reported to the callers that wait; there may be no such caller.
    this.#synced.promise.catch(() => undefined);
    this.#settled.promise.catch(() => undefined);
  }

  get resource(): Resource {
    return this.#options.resource;
  }

  get store(): ReadableStore<T, Index> {
    return this.#store;
  }

  /** Whether everything was listed once. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Why the objects cannot be followed at the moment; undefined while they are. */
  get problem(): FairleadError | undefined {
    return this.#problem;
  }

  /** Returns why an object that exists is not held; see {@link InformerOptions.parse}. */
  rejection(key: string): RejectedObject | undefined {
    return this.#rejections.get(key)?.rejected;
  }

  /**
   * The namespaces of which nothing is held, because they have the most and all together take more
   * than `mostBytes`: an empty one of a kind without namespaces.
   */
  get released(): ReadonlySet<string> {
    return this.#shares.released;
  }

  /** Begins to follow the objects; once only. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when everything was listed once; rejects if the informer is stopped before. */
  synced(): Promise<void> {
    return this.#synced.promise;
  }

  /**
   * Starts to record which versions arrive. Call it before writing to the resource, and pass the
   * version of the written object to `reached` of the result.
   */
  expect(): Arrival {
    const arrival = new Arrivals(() => this.#arrivals.delete(arrival));
    this.#arrivals.add(arrival);
    return arrival;
  }

  /**
   * Resolves when everything was listed once, or that has failed twice, which may last: see
   * {@link hasSynced} and {@link problem}. Rejects if the informer is stopped before.
   */
  settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Stops to follow the objects; resolves when no request is open any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    clearInterval(this.#resync);
    const stopped = new Error('the informer was stopped');
    this.#synced.reject(stopped);
    this.#settled.reject(stopped);
    await this.#running;
    // The objects are no longer followed here, such as in a replica that has lost the lead.
    this.#options.metrics?.setFailing(this, false);
  }

  /**
   * Calls `listener` for each change, and for each object that is held or rejected already. Returns
   * a function that ends this.
   */
  onChange(listener: ChangeListener<T>): () => void {
    this.#listeners.add(listener);
    for (const key of this.#keys()) this.#tell(listener, { key, before: undefined, after: this.#store.get(key) });
    return () => this.#listeners.delete(listener);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    for (let failures = 0; !signal.aborted; ) {
      const watch = { begunAt: Number.POSITIVE_INFINITY };
      const failed = await this.#follow(watch).then(
        () => undefined,
        (thrown) => toFairleadError(thrown),
      );
      if (signal.aborted) return;
      const hasLasted = performance.now() - watch.begunAt >= this.#lastingMs;
      if (failed === undefined && hasLasted) {
        failures = 0;
        continue;
      }
      failures = hasLasted ? 1 : failures + 1;
      await this.#wait(failed, failures);
    }
  }

  /** Waits after a list or watch that failed, or a watch that ended too soon. */
  async #wait(failed: FairleadError | undefined, failures: number): Promise<void> {
    const { resource, log, metrics, backoff = defaultBackoff } = this.#options;
    // One failure is nothing unusual: a restart of the API server, a version that is too old.
    const isFailing = failed !== undefined && failures > 1;
    this.#problem = failed;
    metrics?.setFailing(this, isFailing);
    if (isFailing) this.#settled.resolve();
    if (isExpired(failed)) this.#version = undefined;
    const againAfterMs = atLeast(retryAfterOf(failed), backoffDelay(backoffAfter(failed, backoff), failures));
    const fields = { resource: resource.plural, err: failed, failures, againAfterMs };
    const endsTooSoon = failed === undefined && failures > 1;
    if (isExpired(failed) && failures <= mostExpired) {
      const { err: _, ...rest } = fields;
      log.debug({ ...rest, reason: failed?.summary }, 'objects are listed again, because a version is too old');
    } else if (isFailing && this.#warnings.mayWarn(failed.summary)) log.warn(fields, 'objects cannot be followed');
    else if (endsTooSoon && this.#warnings.mayWarn(''))
      log.warn(fields, 'each watch ends too soon: changes are noticed late');
    else log.debug(fields, failed === undefined ? 'a watch has ended' : 'a list or watch has failed');
    await sleep(againAfterMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  /** Lists if necessary, and watches until the watch ends. */
  async #follow(watch: { begunAt: number }): Promise<void> {
    const { client, resource, selection, watchSeconds = defaultWatchSeconds, metrics } = this.#options;
    const areHeldAgain = this.#shares.released.size > 0 && performance.now() - this.#listedAt > releasedForMs;
    let resourceVersion = areHeldAgain ? undefined : this.#version;
    if (resourceVersion === undefined) {
      if (this.#hasSynced) metrics?.countRestart(resource.plural, 'list');
      resourceVersion = await this.#list();
      this.#advance(resourceVersion);
      this.#endSync();
    } else metrics?.countRestart(resource.plural, 'watch');
    // Not at the same time for all that began together.
    const timeoutSeconds = Math.round(watchSeconds * (1 + Math.random() / 4));
    const onOpen = (): void => {
      watch.begunAt = performance.now();
      this.#problem = undefined;
      this.#warnings.forget();
      metrics?.setFailing(this, false);
    };
    const options = { ...selection, resourceVersion, timeoutSeconds, onOpen };
    await client.watch(resource, options, (event) => this.#take(event), this.#stopped.signal);
  }

  /** Milliseconds that a watch must have lasted for the next watch to start immediately. */
  get #lastingMs(): number {
    return Math.min(10_000, (this.#options.watchSeconds ?? defaultWatchSeconds) * 500);
  }

  #endSync(): void {
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#synced.resolve();
    this.#settled.resolve();
    const { resyncSeconds } = this.#options;
    if (resyncSeconds === undefined) return;
    const period = resyncSeconds * 1000 * (1 + Math.random() / 10);
    this.#resync = setInterval(() => this.#remind(), period);
  }

  #remind(): void {
    for (const key of this.#keys()) {
      const object = this.#store.get(key);
      this.#report({ key, before: object, after: object });
    }
  }

  /** Brings the store to the state of a list, and returns its version. */
  async #list(): Promise<string> {
    const { client, resource, selection } = this.#options;
    const { signal } = this.#stopped;
    const listed = new Set<string>();
    let version = '';
    this.#shares.readmit();
    this.#listedAt = performance.now();
    for await (const { items, resourceVersion } of client.pages(resource, { ...selection, signal })) {
      for (const item of items) {
        const object = this.#identify(item);
        if (object === undefined) continue;
        listed.add(objectKey(object.metadata));
        this.#hold(object);
      }
      version = resourceVersion;
    }
    for (const key of this.#keys()) if (!listed.has(key)) this.#drop(key);
    return version;
  }

  #take({ type, object: value }: WatchEvent): void {
    if (type === 'BOOKMARK') {
      // It shows nothing of what was written just now: an API server that has missed the restore of
      // its etcd goes on with bookmarks of the versions before.
      this.#version = bookmarkVersion(value) ?? this.#version;
      return;
    }
    const object = this.#identify(value);
    if (object === undefined) return;
    if (type === 'DELETED') this.#drop(objectKey(object.metadata));
    else this.#hold(object);
    this.#advance(object.metadata.resourceVersion);
  }

  /** Records up to which version everything is held. */
  #advance(version: string | undefined): void {
    this.#version = version;
    const held = version === undefined ? undefined : versionNumber(version);
    if (held === undefined) return;
    for (const arrival of this.#arrivals) arrival.note(held);
  }

  /** Returns a value with the metadata of an object; undefined if it has no name, for example. */
  #identify(value: unknown): KubeObject | undefined {
    const { resource, log } = this.#options;
    try {
      return toKubeObject(resource, value);
    } catch (thrown) {
      log.error({ err: thrown, resource: resource.plural }, 'an object without valid metadata is left out');
      return undefined;
    }
  }

  #hold(object: KubeObject): void {
    const { parse, onRejected, resource, metrics } = this.#options;
    const { managedFields: _, ...metadata } = object.metadata;
    const key = objectKey(object.metadata);
    if (this.#options.isFollowed?.(object) === false) {
      this.#drop(key);
      return;
    }
    if (!this.#mayHold(object, key)) return;
    const version = `${metadata.uid} ${metadata.resourceVersion}`;
    if (this.#store.version(key) === version || this.#rejections.get(key)?.version === version) return;
    const before = this.#store.get(key);
    try {
      this.#store.set(key, version, parse({ ...object, metadata }));
      this.#rejections.delete(key);
    } catch (thrown) {
      const error = rejectionOf(resource, object, thrown);
      const { apiVersion, kind, status } = object;
      const rejected = { key, object: { apiVersion, kind, metadata, status }, error };
      this.#store.delete(key);
      this.#rejections.set(key, { version, rejected });
      metrics?.countRejected(resource.plural);
      onRejected?.(rejected);
    }
    this.#report({ key, before, after: this.#store.get(key) });
  }

  /** Reports whether an object may be held, after releasing the namespaces with the most. */
  #mayHold({ metadata: { namespace = '' }, ...object }: KubeObject, key: string): boolean {
    const { mostBytes, resource, log } = this.#options;
    if (mostBytes === undefined) return true;
    if (this.released.has(namespace)) return false;
    this.#shares.set(namespace, key, memoryOf(object));
    for (let largest = this.#shares.release(); largest !== undefined; largest = this.#shares.release()) {
      const { keys, bytes } = largest;
      const fields = {
        resource: resource.plural,
        namespace: largest.namespace,
        objects: keys.length,
        bytes,
        mostBytes,
      };
      log.warn(fields, 'the objects of a namespace take too much memory, and are not held');
      for (const each of keys) this.#drop(each);
    }
    return !this.released.has(namespace);
  }

  #drop(key: string): void {
    const [namespace = ''] = this.#options.resource.namespaced ? key.split('/') : [];
    this.#shares.delete(namespace, key);
    const before = this.#store.get(key);
    if (before === undefined && !this.#rejections.has(key)) return;
    this.#store.delete(key);
    this.#rejections.delete(key);
    this.#report({ key, before, after: undefined });
  }

  /** Returns the keys of all objects that exist. */
  #keys(): string[] {
    return [...this.#store.keys(), ...this.#rejections.keys()];
  }

  #report(change: Change<T>): void {
    for (const listener of this.#listeners) this.#tell(listener, change);
  }

  #tell(listener: ChangeListener<T>, change: Change<T>): void {
    try {
      listener(change);
    } catch (thrown) {
      const { log, resource } = this.#options;
      log.error({ err: toFairleadError(thrown), resource: resource.plural, key: change.key }, 'a listener has failed');
    }
  }
}
