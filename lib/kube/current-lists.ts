import { LRUCache } from 'lru-cache';
import { FairleadError } from '../errors.ts';
import { ApiError, isExpired } from './api-error.ts';
import type { ApiServer } from './api-server.ts';
import type { FollowedObjects } from './followed-objects.ts';
import { LargeAnswers } from './large-answers.ts';
import type { ClusterLister, Lister } from './list-queue.ts';
import { ListSchedule } from './list-schedule.ts';
import {
  type ListedObject,
  type ListPage,
  objectsOf,
  readPage,
  type Snapshot,
  type SnapshotOptions,
  takeSnapshot,
} from './list-snapshot.ts';
import { apiVersionOf, collectionPath, type Resource } from './resource.ts';
import { TokenBucket } from './token-bucket.ts';

/** A kind of objects whose present state is asked for. */
export interface ListedKind<T> {
  readonly resource: Resource;
  /**
   * Returns an object as it is answered. One that it rejects makes the list of its namespace an
   * error, because what it would have decided cannot be known.
   */
  readonly parse: (object: ListedObject) => T;
  /** The same objects in memory, from which it is answered when a list would cost more. */
  readonly followed?: Pick<FollowedObjects<T>, 'current'> | undefined;
}

/** The objects of one kind. */
export interface CurrentList<T> {
  /**
   * Returns all objects of a namespace as they are at a moment after this call; of a kind without
   * namespaces, all objects. While the objects are the same, so is the array. Throws what {@link
   * ApiServer.get} throws, what the parser throws, LimitExceeded for more than 500 objects (besides
   * a marker), 4 MiB or 100,000 values, and Unavailable if too many other lists have to be read
   * first.
   */
  list(namespace: string): Promise<readonly T[]>;
  /** Verifies that objects can be listed: the API server answers, knows the kind, and allows it. */
  probe(): Promise<void>;
}

/** At most 20 requests in any second. Three are what a review of a pod takes at once. */
const pace = { burst: 3, everyMs: 1000 / 17 };
/** The rate of queries above which they are answered from memory: lists would take too long. */
const quietly = { burst: 30, everyMs: 100 };
/** Most objects of a namespace, and of a page of the cluster. */
const mostObjects = 500;
/** The same for objects that are followed: one of them is the marker ({@link FollowedObjects}). */
export const mostFollowed = mostObjects + 1;
/** Most pages of a list of the cluster. */
const mostPages = 10;
/** Milliseconds after which a cluster that had too many objects is listed again. */
const tooManyForMs = 60_000;
/** Characters of the answers whose objects are kept, to parse only what changes. */
const mostKept = 16 * 1024 * 1024;

/**
 * Answers what objects of some kinds there are, as of a moment after the question: an object whose
 * creation was answered before the question was asked is in the answer, whichever API server has
 * created it. An admission that asks sees every binding that was created before the pod.
 *
 * Each answer is a list without resourceVersion that began after the question. API servers answer
 * it by a quorum read of etcd. From Kubernetes 1.31 on they may use their watch cache, after they
 * have asked etcd for the present revision and the cache has reached it, which is as good.
 *
 * Therefore lists are few: at most 20 in a second ({@link ListSchedule}), and shared by all who
 * asked before they began ({@link ListQueue}); and only what has changed is parsed ({@link
 * readPage}).
 * Where a list would have an API server read and decode many objects, what an informer holds is
 * shown to be as new ({@link FollowedObjects}).
 */
export class CurrentLists {
  readonly #api: ApiServer;
  readonly #answers: LargeAnswers;
  readonly #schedule = new ListSchedule(new TokenBucket(pace));
  readonly #quietly = new TokenBucket(quietly);

  constructor(api: ApiServer) {
    this.#api = api;
    this.#answers = new LargeAnswers(api);
  }

  /** Returns the list of one kind; to be called once for each. */
  of<T>(kind: ListedKind<T>): CurrentList<T> {
    const { resource, followed } = kind;
    const turn = (): Promise<void> => this.#schedule.turn();
    const ask = this.#schedule.add(new KindLister(kind, this.#answers, turn));
    const question = { path: `${collectionPath(resource)}?limit=1`, title: `list the ${resource.kind}s` };
    return {
      list: async (namespace) => {
        const place = resource.namespaced ? namespace : '';
        const current = await followed?.current(this.#quietly.take() ? 'if cheaper' : 'if possible');
        // What is not held of a namespace that has too much is listed.
        return current?.(place) ?? (await ask(place));
      },
      probe: async () => {
        await turn();
        await this.#api.get(question).catch((thrown) => {
          throw explained(kind, thrown);
        });
      },
    };
  }
}

class KindLister<T> implements Lister<readonly T[]> {
  readonly title: string;
  readonly cluster: ClusterLister<readonly T[]> | undefined;
  readonly #kind: ListedKind<T>;
  readonly #answers: LargeAnswers;
  readonly #turn: () => Promise<void>;
  /** Most objects of a namespace, and of a page. */
  readonly #most: number;
  /** By namespace; the list of the cluster by an empty one. */
  readonly #kept = new LRUCache<string, Snapshot<T>>({ maxSize: mostKept, sizeCalculation: charactersOf });
  #pagesOfCluster = 1;
  #notBefore = 0;

  /** `turn` resolves when one more request may be sent, after the first one of a list. */
  constructor(kind: ListedKind<T>, answers: LargeAnswers, turn: () => Promise<void>) {
    this.title = `${kind.resource.kind}s`;
    this.#kind = kind;
    this.#answers = answers;
    this.#turn = turn;
    this.#most = kind.followed === undefined ? mostObjects : mostFollowed;
    const cost = (): number => (performance.now() < this.#notBefore ? Number.POSITIVE_INFINITY : this.#pagesOfCluster);
    const cluster = {
      get cost() {
        return cost();
      },
      list: () => this.#listCluster(),
    };
    this.cluster = kind.resource.namespaced ? cluster : undefined;
  }

  async namespace(name: string): Promise<readonly T[]> {
    const isNamespaced = this.#kind.resource.namespaced;
    const title = isNamespaced ? `list the ${this.title} of namespace ${name}` : `list the ${this.title}`;
    return objectsOf(await this.#read({ title, namespace: name }, 1), name);
  }

  async #listCluster(): Promise<((namespace: string) => readonly T[]) | undefined> {
    try {
      const snapshot = await this.#read({ title: `list the ${this.title}`, namespace: undefined }, mostPages);
      this.#pagesOfCluster = snapshot.pages.length;
      return (namespace) => objectsOf(snapshot, namespace);
    } catch (thrown) {
      const isTooLarge = thrown instanceof FairleadError && thrown.kind === 'LimitExceeded';
      // A token expires if the next pages are read too late.
      if (!isTooLarge && !isExpired(thrown)) throw thrown;
      this.#notBefore = performance.now() + tooManyForMs;
      return undefined;
    }
  }

  async #read(what: Pick<SnapshotOptions<T>, 'title' | 'namespace'>, most: number): Promise<Snapshot<T>> {
    const { parse, resource } = this.#kind;
    const { title, namespace } = what;
    const path = collectionPath(resource, resource.namespaced ? namespace : undefined);
    const key = namespace ?? '';
    const before = this.#kept.get(key);
    const options = { ...what, most: this.#most, parse };
    const pages: ListPage<T>[] = [];
    for (let token = ''; ; ) {
      const query = token === '' ? '' : `&continue=${encodeURIComponent(token)}`;
      const json = await this.#answers
        .get(key, { path: `${path}?limit=${this.#most}${query}`, title })
        .catch((thrown) => {
          throw explained(this.#kind, thrown);
        });
      const page = readPage(json, before, { ...options, index: pages.length });
      pages.push(page);
      token = page.next;
      if (token === '') break;
      if (pages.length === most || page.remaining > (most - pages.length) * this.#most) {
        throw new FairleadError('LimitExceeded', `cannot ${title}: there are more than ${most * this.#most}`);
      }
      await this.#turn();
    }
    const snapshot = takeSnapshot(pages, before, options);
    this.#kept.set(key, snapshot);
    return snapshot;
  }
}

function charactersOf({ pages }: Snapshot<unknown>): number {
  return pages.reduce((sum, { characters }) => sum + characters, 1);
}

/** Returns an error with the reason why a kind is not found. */
function explained({ resource }: Pick<ListedKind<unknown>, 'resource'>, thrown: unknown): unknown {
  if (!(thrown instanceof ApiError) || thrown.status !== 404) return thrown;
  const summary = `${thrown.summary}; it does not serve ${resource.plural} of ${apiVersionOf(resource)}`;
  return new ApiError(summary, thrown, { cause: thrown, ...(thrown.hint === undefined ? {} : { hint: thrown.hint }) });
}
