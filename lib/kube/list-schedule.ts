import { type Lister, ListQueue } from './list-queue.ts';
import type { TokenBucket } from './token-bucket.ts';

type Queue = Pick<ListQueue<unknown>, 'waitingSince' | 'depart'>;

/**
 * Decides when which kind is listed, and how many lists an API server has to answer in a second,
 * for all kinds and namespaces together. Those who have waited longest come first.
 */
export class ListSchedule {
  readonly #pace: TokenBucket;
  readonly #queues: Queue[] = [];
  #isWaking = false;

  constructor(pace: TokenBucket) {
    this.#pace = pace;
  }

  /**
   * Adds a kind. Returns the function that answers for a namespace; see {@link ListQueue.ask}. A
   * lister takes a {@link turn} for each request but its first.
   */
  add<A>(lister: Lister<A>): (namespace: string) => Promise<A> {
    const queue = new ListQueue(lister, () => this.#wake());
    this.#queues.push(queue);
    return (namespace) => queue.ask(namespace);
  }

  /** Resolves when one more request may be sent. */
  turn(): Promise<void> {
    return this.#pace.turn();
  }

  /** Begins the next list as soon as the pace allows it. Who comes until then shares it. */
  #wake(): void {
    if (this.#isWaking || this.#next() === undefined) return;
    this.#isWaking = true;
    setImmediate(async () => {
      await this.#pace.turn();
      this.#isWaking = false;
      this.#next()?.depart();
      this.#wake();
    });
  }

  /** Returns the queue whose asker has waited longest. */
  #next(): Queue | undefined {
    const waiting = this.#queues.flatMap((queue) => queue.waitingSince ?? []);
    const oldest = Math.min(...waiting);
    return this.#queues.find(({ waitingSince }) => waitingSince === oldest);
  }
}
