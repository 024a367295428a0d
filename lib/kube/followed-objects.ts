import { hash, randomUUID } from 'node:crypto';
import { toFairleadError } from '../errors.ts';
import { isNotFound } from './api-error.ts';
import { Informer } from './informer.ts';
import type { InformerMetrics } from './informer-options.ts';
import type { KubeObject, ObjectToWrite } from './kube-object.ts';
import { type Answer, answerOf, type ListedObject, objectsOf, type Parsed, parsedOf } from './list-snapshot.ts';
import type { KubeLog } from './log.ts';
import type { ObjectClient } from './object-client.ts';
import type { Resource } from './resource.ts';
import { TokenBucket } from './token-bucket.ts';

export interface FollowedObjectsOptions<T> {
  readonly client: ObjectClient;
  readonly resource: Resource;
  readonly parse: (object: ListedObject) => T;
  /** Most objects that are answered for a namespace, with the marker. */
  readonly most: number;
  /** About how many bytes of objects are held at most; see {@link Informer.released}. */
  readonly mostBytes?: number | undefined;
  /** The object that is written to. It is created if it does not exist. */
  readonly marker: ObjectToWrite;
  /** Who writes, in the managed fields of the marker. */
  readonly fieldManager: string;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
}

interface Followed<T> {
  readonly namespace: string;
  readonly name: string;
  /**
   * The digest of the specification. Not its generation: after a restore of etcd, another one may
   * have the same.
   */
  readonly specification: string;
  readonly parsed: Parsed<T>;
}

/**
 * Returns the objects of a namespace; see {@link FollowedObjects.current}. Undefined if they are
 * not held.
 */
export type View<T> = (namespace: string) => readonly T[] | undefined;

/** The rate of writes to a marker: at most 13 per second. */
const pace = { burst: 1, everyMs: 80 };
/** Up to this number of objects, a list costs an API server less than a write. */
const fewObjects = 50;
/**
 * Milliseconds in which the API server has to answer a write to a marker that exists. Admissions
 * wait for it, and it may take long where a third-party webhook is called for it.
 */
const writtenWithinMs = 1500;
/** Milliseconds in which the watch has to deliver what was written. */
const deliveredWithinMs = 400;
/** Milliseconds for which nothing is written after a write, or its delivery, has failed. */
const pauseMs = 10_000;

/**
 * Objects of one kind that are held in memory and can be shown to be as new as a moment after a
 * question. A small object of the same kind, the marker, is written to: an API server delivers the
 * changes of a kind in the order of their versions, so that everything that was written before is
 * held when the new version of the marker is delivered, whichever API servers answer.
 *
 * This costs an API server the same for any number of objects, some milliseconds of its processor
 * and a write to etcd. A list has it read and decode each object.
 */
export class FollowedObjects<T> {
  readonly #options: FollowedObjectsOptions<T>;
  readonly #informer: Informer<Followed<T>, 'namespace'>;
  /** By namespace; of a kind without namespaces, by an empty one. What has changed is missing. */
  readonly #answers = new Map<string, Answer<T>>();
  readonly #pace = new TokenBucket(pace);
  #notBefore = 0;
  /** What those share who ask now: nothing was written for it yet. */
  #next: Promise<View<T> | undefined> | undefined;
  /** What was written last, and its delivery. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: FollowedObjectsOptions<T>) {
    this.#options = options;
    const { client, resource, mostBytes, log, metrics } = options;
    this.#informer = new Informer({
      ...{ client, resource, mostBytes, log, metrics },
      parse: (object) => this.#hold(object),
      indexes: { namespace: ({ namespace }) => [namespace] },
    });
    this.#informer.onChange(({ before, after }) => {
      if (before?.specification === after?.specification) return;
      this.#answers.delete(before?.namespace ?? after?.namespace ?? '');
    });
  }

  /** Begins to follow the objects. */
  start(): void {
    this.#informer.start();
  }

  /** Resolves when no request is open any more. */
  async stop(): Promise<void> {
    await this.#informer.stop();
  }

  /**
   * Returns the objects of each namespace as they are at a moment after this call, by a function
   * that throws what `parse` throws, and LimitExceeded for too many objects. Undefined if they
   * cannot be shown to be current, or if a list is wanted where it is cheaper: they have to be
   * listed then.
   */
  async current(wanted: 'if cheaper' | 'if possible'): Promise<View<T> | undefined> {
    const { hasSynced, problem, store } = this.#informer;
    const isPossible = hasSynced && problem === undefined && performance.now() >= this.#notBefore;
    const isFew = store.size <= fewObjects && this.#informer.released.size === 0;
    if (!isPossible || (wanted === 'if cheaper' && isFew)) return undefined;
    this.#next ??= this.#turn();
    return await this.#next;
  }

  /** Shows that the objects are current, once at a time. Who comes until that begins shares it. */
  async #turn(): Promise<View<T> | undefined> {
    await this.#last;
    await this.#pace.turn();
    this.#next = undefined;
    // The last one may have failed meanwhile.
    if (performance.now() < this.#notBefore) return undefined;
    const shown = this.#show();
    this.#last = shown;
    return await shown;
  }

  async #show(): Promise<View<T> | undefined> {
    const arrival = this.#informer.expect();
    try {
      const version = await this.#mark();
      await arrival.reached(version, AbortSignal.timeout(deliveredWithinMs));
    } catch (thrown) {
      arrival.end();
      this.#notBefore = performance.now() + pauseMs;
      const { log, resource } = this.#options;
      const fields = { resource: resource.plural, err: toFairleadError(thrown), againAfterMs: pauseMs };
      log.warn(fields, 'objects cannot be shown to be current, and are listed for each admission');
      return undefined;
    }
    return (namespace) => (this.#informer.released.has(namespace) ? undefined : this.#answer(namespace));
  }

  /** Writes to the marker, and returns the version that it has then. */
  async #mark(): Promise<string> {
    const { client, resource, marker, fieldManager } = this.#options;
    const condition = {
      type: 'Marker',
      status: 'True',
      reason: 'Written',
      lastTransitionTime: new Date().toISOString(),
      // An object that does not change is not written.
      message: `The operator follows the changes of ${resource.plural} up to this one: ${randomUUID()}`,
    };
    const patch = { status: { conditions: [condition] } };
    const options = { subresource: 'status', fieldManager, answerWithin: writtenWithinMs } as const;
    const { metadata } = await client.mergePatch(resource, marker.metadata, patch, options).catch((thrown) => {
      if (!isNotFound(thrown)) throw thrown;
      return client.create(resource, marker, { fieldManager });
    });
    return metadata.resourceVersion;
  }

  #hold(object: KubeObject): Followed<T> {
    const { spec, metadata } = object;
    const { namespace = '', name } = metadata;
    const parsed = parsedOf({ metadata, spec }, this.#options);
    return { namespace, name, specification: hash('sha256', JSON.stringify(spec ?? null), 'base64'), parsed };
  }

  #answer(namespace: string): readonly T[] {
    const { resource, most } = this.#options;
    let answer = this.#answers.get(namespace);
    if (answer === undefined) {
      const title = `list the ${resource.kind}s${resource.namespaced ? ` of namespace ${namespace}` : ''}`;
      // As they are listed.
      const held = this.#informer.store.byIndex('namespace', namespace).toSorted((a, b) => (a.name < b.name ? -1 : 1));
      const parsed = held.map((each) => each.parsed);
      answer = answerOf(parsed, undefined, { title, most });
      // Not for each name of a namespace that does not exist.
      if (held.length > 0) this.#answers.set(namespace, answer);
    }
    return objectsOf({ answers: new Map([[namespace, answer]]) }, namespace);
  }
}
