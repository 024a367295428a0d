import type { FairleadError } from '#lib/errors';
import type { Backoff } from './backoff.ts';
import type { KubeObject } from './kube-object.ts';
import type { Selection } from './list-pages.ts';
import type { KubeLog } from './log.ts';
import type { ObjectClient } from './object-client.ts';
import type { IndexFunction } from './object-store.ts';
import type { Resource } from './resource.ts';

export interface InformerOptions<T, Index extends string = never> {
  readonly client: ObjectClient;
  readonly resource: Resource;
  readonly selection?: Selection | undefined;
  /**
   * Returns an object as it is held in memory: it should leave out what is not read. What it
   * throws rejects this object only.
   */
  parse(object: KubeObject): T;
  /** Whether an object is followed; all are by default. Others are as if they did not exist. */
  isFollowed?(object: KubeObject): boolean;
  /**
   * About how many bytes of objects are held at most, as they are returned by the API server. Above
   * it, nothing is held of the namespaces with the most; see `Informer.released`. No limit by
   * default.
   */
  readonly mostBytes?: number | undefined;
  /** By which values objects are found, other than by their keys. */
  readonly indexes?: Readonly<Record<Index, IndexFunction<T>>> | undefined;
  /** Is told of each version of an object that was rejected; see `Informer.rejection`. */
  onRejected?(rejected: RejectedObject): void;
  /** Seconds after which every object is reported again as if it had changed; never by default. */
  readonly resyncSeconds?: number | undefined;
  /** Seconds that one watch takes, 240 by default. A lost connection is noticed a little later. */
  readonly watchSeconds?: number | undefined;
  readonly backoff?: Backoff | undefined;
  readonly log: KubeLog;
  readonly metrics?: InformerMetrics | undefined;
}

/** Where an informer counts what it does. */
export interface InformerMetrics {
  /** Counts the begin of a list or watch of a resource, after the first. */
  countRestart(plural: string, restart: 'list' | 'watch'): void;
  countRejected(plural: string): void;
  /**
   * Reports whether an informer cannot follow its objects at the moment. Others may follow the same
   * resource.
   */
  setFailing(informer: { readonly resource: Resource }, isFailing: boolean): void;
}

/** A change of an object, or a reminder of it. */
export interface Change<T> {
  readonly key: string;
  /** The object as it was held before. */
  readonly before: T | undefined;
  /** The object as it is held now; undefined if it was deleted, or rejected. */
  readonly after: T | undefined;
}

export type ChangeListener<T> = (change: Change<T>) => void;

/** An object that could not be parsed. */
export interface RejectedObject {
  readonly key: string;
  /** Its metadata and status, as the API server has returned them. */
  readonly object: KubeObject;
  readonly error: FairleadError;
}
