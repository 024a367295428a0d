import { FairleadError } from '../errors.ts';

/** How the objects of a kind are listed. `A` is what is answered for a namespace. */
export interface Lister<A> {
  /** What is listed, for messages: `ArtifactBindings`. */
  readonly title: string;
  /** Lists one namespace; for a kind that has none, everything. */
  namespace(name: string): Promise<A>;
  /** Lists all namespaces at once; undefined for a kind that has none. */
  readonly cluster?: ClusterLister<A> | undefined;
}

export interface ClusterLister<A> {
  /** Requests that it takes, as far as is known. Infinity while it is not possible. */
  readonly cost: number;
  /**
   * Returns what is answered for a namespace, which may throw; undefined if the cluster has too
   * many objects for this.
   */
  list(): Promise<((namespace: string) => A) | undefined>;
}

/** Milliseconds that an asker waits for the begin of a list. API servers wait 5 s for a webhook. */
const longestWaitMs = 1500;
/** Milliseconds after which a list that has not ended holds up the next one no longer. */
const longestHoldMs = 1000;
/** Namespaces that are listed one by one, even if one list of the cluster would serve them all. */
const fewNamespaces = 3;
/** The name of the list of all namespaces; no namespace has it. */
const everything = '';

interface Asker<A> {
  readonly timer: NodeJS.Timeout;
  readonly resolve: (answer: A) => void;
  readonly reject: (reason: unknown) => void;
}

/** Those who wait for the next list of a namespace. */
interface Group<A> {
  readonly since: number;
  readonly askers: Set<Asker<A>>;
}

type Groups<A> = ReadonlyMap<string, Group<A>>;

/**
 * Those who ask for the objects of one kind. All who ask for a namespace before a list of it begins
 * share this list; no caller gets a list that began before it came. A namespace is listed once at a
 * time. If many namespaces wait, one list of the cluster serves them all.
 */
export class ListQueue<A> {
  readonly #lister: Lister<A>;
  readonly #onChange: () => void;
  /** By namespace, in the order in which they came. */
  readonly #waiting = new Map<string, Group<A>>();
  /** The lists that hold up the next one of their namespace. */
  readonly #underWay = new Map<string, object>();

  /** `onChange` is called when there may be a list to begin. */
  constructor(lister: Lister<A>, onChange: () => void) {
    this.#lister = lister;
    this.#onChange = onChange;
  }

  /**
   * Returns the answer for a namespace as it is at a moment after this call. Throws what the lister
   * throws, and Unavailable if no list begins in time.
   */
  ask(namespace: string): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#join(namespace, performance.now(), resolve, reject);
      this.#onChange();
    });
  }

  /** Since when a caller waits for a list that may begin now; undefined if none does. */
  get waitingSince(): number | undefined {
    const next = this.#next();
    return next && Math.min(...Array.from(next.values(), ({ since }) => since));
  }

  /** Begins the list that is next. */
  depart(): void {
    const next = this.#next();
    if (next === undefined) return;
    for (const [namespace, { askers }] of next) {
      this.#waiting.delete(namespace);
      for (const { timer } of askers) clearTimeout(timer);
    }
    const { cluster } = this.#lister;
    const [first] = next;
    if (first !== undefined && next.size === 1) {
      const [namespace] = first;
      void this.#run(namespace, next, async () => {
        const answer = await this.#lister.namespace(namespace);
        return () => answer;
      });
    } else if (cluster !== undefined) void this.#run(everything, next, () => cluster.list());
  }

  #join(namespace: string, since: number, resolve: Asker<A>['resolve'], reject: Asker<A>['reject']): void {
    const group = this.#waiting.get(namespace) ?? { since, askers: new Set() };
    this.#waiting.set(namespace, group);
    const timer = setTimeout(() => {
      group.askers.delete(asker);
      if (group.askers.size === 0) this.#waiting.delete(namespace);
      reject(this.#tooLate(namespace));
    }, longestWaitMs);
    const asker = { timer, resolve, reject };
    group.askers.add(asker);
  }

  /** Returns whom the list that is next will serve. */
  #next(): Groups<A> | undefined {
    const ready = [...this.#waiting].filter(([namespace]) => !this.#underWay.has(namespace));
    const [first] = ready;
    if (first === undefined) return undefined;
    const { cluster } = this.#lister;
    if (cluster === undefined || ready.length <= Math.max(fewNamespaces, cluster.cost)) return new Map([first]);
    // What one list of the cluster will serve is not worth many of namespaces.
    return this.#underWay.has(everything) ? undefined : new Map(this.#waiting);
  }

  /** Lists, and answers those who have waited for it. */
  async #run(
    name: string,
    groups: Groups<A>,
    list: () => Promise<((namespace: string) => A) | undefined>,
  ): Promise<void> {
    const flight = {};
    this.#underWay.set(name, flight);
    const letGo = (): void => {
      clearTimeout(timer);
      if (this.#underWay.get(name) === flight) this.#underWay.delete(name);
      this.#onChange();
    };
    const timer = setTimeout(letGo, longestHoldMs);
    const answers = await list().catch((thrown) => () => {
      throw thrown;
    });
    for (const [namespace, { since, askers }] of groups) {
      for (const { resolve, reject } of askers) {
        if (answers === undefined) this.#join(namespace, since, resolve, reject);
        else settle(() => answers(namespace), resolve, reject);
      }
    }
    letGo();
  }

  #tooLate(namespace: string): FairleadError {
    const what = this.#lister.cluster === undefined ? '' : ` of namespace ${namespace}`;
    return new FairleadError(
      'Unavailable',
      `cannot list the ${this.#lister.title}${what}: too many other lists have to be read first`,
      { hint: 'Try again in a few seconds.' },
    );
  }
}

function settle<A>(answer: () => A, resolve: (answer: A) => void, reject: (reason: unknown) => void): void {
  try {
    resolve(answer());
  } catch (thrown) {
    reject(thrown);
  }
}
