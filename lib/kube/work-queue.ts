import { LRUCache } from 'lru-cache';
import { retryAfterOf } from './api-error.ts';
import { atLeast, type Backoff, backoffDelay, maxTimerMs } from './backoff.ts';
import { TokenBucket } from './token-bucket.ts';

export interface WorkQueueOptions {
  /** How many keys are processed at the same time. */
  readonly concurrency: number;
  /**
   * Processes one key, from the state of the world at that time: the queue holds no events. What it
   * throws is a failure, after which the key is processed again later.
   */
  process(key: string): Promise<Processed | undefined>;
  /** Is told of each failure, and when the key is processed again. */
  onFailure?(failure: Failure): void;
  /**
   * Whether a failure means that any other key would probably fail as well. Then nothing is begun
   * for a while, growing with each such failure within a minute after the last. A key that fails
   * again tells nothing about others: it may be the only one that the API server cannot store.
   */
  isOutage?(thrown: unknown): boolean;
  readonly backoff?: Backoff | undefined;
  /** How often one key that is added again and again is processed; without limit by default. */
  readonly keyRate?: KeyRate | undefined;
}

/** Limits how often one key is processed: a burst at once, then once in each period. */
export interface KeyRate {
  readonly burst: number;
  readonly everyMs: number;
}

/** What the processing of a key results in. */
export interface Processed {
  /** Milliseconds after which the key is processed again, even if nothing adds it. */
  readonly requeueAfter?: number | undefined;
}

/** A key whose processing has failed. */
export interface Failure {
  readonly key: string;
  readonly thrown: unknown;
  /** How often it has failed in a row. */
  readonly failures: number;
  readonly againAfterMs: number;
}

const defaultBackoff: Backoff = { initialMs: 500, maxMs: 300_000 };
/** Short, since everything waits for it. */
const outageBackoff: Backoff = { initialMs: 500, maxMs: 10_000 };
/**
 * An outage that begins within this time after the last continues it. A key that was processed
 * meanwhile shows nothing: perhaps there was nothing to do.
 */
const sameOutageMs = 60_000;
/** Keys whose rate is remembered; one that is forgotten begins with a new burst. */
const mostRates = 10_000;

interface Delayed {
  /** In time of `performance.now`. */
  readonly at: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Processes keys. A key that is added several times before it is processed is processed once. A key
 * is never processed twice at the same time: added while it is processed, it is processed once more
 * afterwards. Keys are taken in the order in which they became due.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #backoff: Backoff;
  /** Keys to be processed now, in order. */
  readonly #due = new Set<string>();
  readonly #running = new Set<string>();
  /** Keys that were added while they are processed. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #rates = new LRUCache<string, TokenBucket>({ max: mostRates });
  /** How often in a row nothing was begun for a while, and until when. */
  #outages = 0;
  #pausedUntil = 0;
  #outageEnd: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly #onIdle: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? defaultBackoff;
  }

  /** How many keys are to be processed now or are being processed. */
  get depth(): number {
    return this.#due.size + this.#running.size;
  }

  /**
   * Processes a key as soon as possible. A key that has failed last time waits at least for the
   * initial delay of the backoff, so that one that fails and is changed by its own processing does
   * not keep the API server busy; one that is added too often waits as well.
   */
  add(key: string): void {
    if (this.#stopped) return;
    if (this.#running.has(key)) this.#again.add(key);
    else if (this.#failures.has(key)) this.addAfter(key, this.#backoff.initialMs);
    else if (this.#due.has(key) || this.#mayBegin(key)) this.#makeDue(key);
    else this.addAfter(key, this.#options.keyRate?.everyMs ?? 0);
  }

  /** Processes a key after a delay, or at the time for which it is delayed if that is earlier. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped || this.#due.has(key)) return;
    // A NaN is a fault of the caller; a timer would take it for 1 ms.
    const delay = Number.isNaN(delayMs) ? this.#backoff.maxMs : Math.min(Math.max(delayMs, 0), maxTimerMs);
    const at = performance.now() + delay;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined && earlier.at <= at) return;
    this.#forgetDelay(key);
    this.#delayed.set(key, { at, timer: setTimeout(() => this.#becomeDue(key), delay) });
  }

  /** Begins nothing more, and resolves when what is being processed has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#outageEnd);
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#due.clear();
    this.#again.clear();
    this.#failures.clear();
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Returns whether a key is not processed too often. */
  #mayBegin(key: string): boolean {
    const { keyRate } = this.#options;
    if (keyRate === undefined) return true;
    const rate = this.#rates.get(key) ?? new TokenBucket(keyRate);
    this.#rates.set(key, rate);
    return rate.take();
  }

  #makeDue(key: string): void {
    this.#forgetDelay(key);
    this.#due.add(key);
    this.#next();
  }

  /** Ends the delay of a key, which may be processed already for another reason. */
  #becomeDue(key: string): void {
    this.#forgetDelay(key);
    if (this.#running.has(key)) this.#again.add(key);
    else this.#makeDue(key);
  }

  #forgetDelay(key: string): void {
    clearTimeout(this.#delayed.get(key)?.timer);
    this.#delayed.delete(key);
  }

  #next(): void {
    if (this.#outageEnd !== undefined) return;
    for (const key of this.#due) {
      if (this.#running.size >= this.#options.concurrency) return;
      this.#due.delete(key);
      this.#running.add(key);
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    try {
      const processed = await this.#options.process(key);
      this.#failures.delete(key);
      const isAddedAgain = this.#end(key);
      if (isAddedAgain) this.add(key);
      else if (processed?.requeueAfter !== undefined) this.addAfter(key, processed.requeueAfter);
    } catch (thrown) {
      this.#fail(key, thrown, this.#end(key));
    } finally {
      this.#next();
    }
  }

  /** Returns whether the key was added while it was processed. */
  #end(key: string): boolean {
    this.#running.delete(key);
    if (this.#running.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    return this.#again.delete(key);
  }

  #fail(key: string, thrown: unknown, isAddedAgain: boolean): void {
    if (this.#stopped) return;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    if (failures === 1 && this.#options.isOutage?.(thrown)) this.#pause();
    this.#failures.set(key, failures);
    const delay = isAddedAgain ? this.#backoff.initialMs : backoffDelay(this.#backoff, failures);
    const againAfterMs = atLeast(retryAfterOf(thrown), delay);
    this.addAfter(key, againAfterMs);
    this.#options.onFailure?.({ key, thrown, failures, againAfterMs });
  }

  #pause(): void {
    // What was begun before tells nothing new.
    if (this.#outageEnd !== undefined) return;
    const now = performance.now();
    this.#outages = now - this.#pausedUntil < sameOutageMs ? this.#outages + 1 : 1;
    const delay = backoffDelay(outageBackoff, this.#outages);
    this.#pausedUntil = now + delay;
    this.#outageEnd = setTimeout(() => {
      this.#outageEnd = undefined;
      this.#next();
    }, delay);
  }
}
