import { FairleadError } from '#lib/errors';

/**
 * Longest duration of a flight by default, in milliseconds: a kubelet waits as long for a
 * container.
 */
const defaultLongest = 120_000;

/**
 * Longest wait for the end of a flight, in milliseconds, of callers who came while it was under
 * way: then their own begins.
 */
const longestWait = 250;

/** One call that several callers wait for. */
export interface Flight<T> {
  readonly result: Promise<T>;
  /** False for the caller who started it. */
  readonly joined: boolean;
}

/** Starts the work of a flight. The signal ends it. */
export type Start<T> = (signal: AbortSignal) => Promise<T>;

/** A call that continues as long as one of its callers waits for it. */
class SharedCall<T> {
  readonly #name: string;
  readonly #longest: number;
  readonly #start: Start<T>;
  readonly #abort = new AbortController();
  readonly #outcome = Promise.withResolvers<T>();
  #callers = 0;

  constructor(name: string, longest: number, start: Start<T>) {
    this.#name = name;
    this.#longest = longest;
    this.#start = start;
    const { signal } = this.#abort;
    signal.addEventListener('abort', () => this.#outcome.reject(signal.reason), { once: true });
    // Callers that wait get the failure. Without callers it is of no interest.
    this.#outcome.promise.catch(() => undefined);
  }

  /** True after all callers have given up, or if it took too long. */
  get givenUp(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Begins the work. To be called once. */
  begin(): void {
    const { signal } = this.#abort;
    if (signal.aborted) return;
    const timer = setTimeout(() => this.#abort.abort(tooLong(this.#name, this.#longest)), this.#longest);
    timer.unref();
    this.#start(signal)
      .then(this.#outcome.resolve, this.#outcome.reject)
      .finally(() => clearTimeout(timer));
  }

  /**
   * Calls `land` when there is a result, or when the call was given up: its work may still run, but
   * no caller may join it.
   */
  onLanded(land: () => void): void {
    this.#outcome.promise.then(land, land);
    this.#abort.signal.addEventListener('abort', land, { once: true });
  }

  /** Returns the result for one caller, which may give up earlier. */
  wait(signal: AbortSignal | undefined): Promise<T> {
    this.#callers++;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#callers--;
        if (this.#callers === 0) this.#abort.abort(signal?.reason);
        reject(signal?.reason);
      };
      if (signal?.aborted) return giveUp();
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#outcome.promise.then(resolve, reject).finally(() => signal?.removeEventListener('abort', giveUp));
    });
  }
}

/**
 * Calls by name that callers share while they are under way, for content that does not change. A
 * flight is given up when all of its callers have given up, and after `longest` milliseconds
 * (Unavailable), two minutes by default, even if a registry still sends data.
 */
export class Flights<T> {
  readonly #longest: number;
  readonly #flying = new Map<string, SharedCall<T>>();

  constructor({ longest = defaultLongest }: { readonly longest?: number } = {}) {
    this.#longest = longest;
  }

  /** Joins the flight of this name, or starts one. */
  join(name: string, signal: AbortSignal | undefined, start: Start<T>): Flight<T> {
    const flying = this.#flying.get(name);
    if (flying !== undefined) return { result: flying.wait(signal), joined: true };
    const started = new SharedCall(name, this.#longest, start);
    this.#flying.set(name, started);
    started.onLanded(() => {
      if (this.#flying.get(name) === started) this.#flying.delete(name);
    });
    const result = started.wait(signal);
    started.begin();
    return { result, joined: false };
  }
}

/**
 * Calls by name that callers share only before they begin, for what may change at any time, such as
 * a tag. No caller gets the answer to a question that was asked before it came. Callers that come
 * while a call is under way share the next one.
 */
export class Departures<T> {
  /**
   * The call of each name that begins next, if a caller waits for one. A name has an entry while a
   * call is under way.
   */
  readonly #next = new Map<string, SharedCall<T> | undefined>();

  /** Joins the next flight of this name, or starts one. */
  join(name: string, signal: AbortSignal | undefined, start: Start<T>): Flight<T> {
    const next = this.#waiting(name);
    if (next !== undefined) return { result: next.wait(signal), joined: true };
    const call = new SharedCall(name, defaultLongest, start);
    const result = call.wait(signal);
    if (this.#next.has(name)) {
      this.#next.set(name, call);
      setTimeout(() => this.#depart(name, call), longestWait).unref();
    } else this.#begin(name, call);
    return { result, joined: false };
  }

  #begin(name: string, call: SharedCall<T>): void {
    this.#next.set(name, undefined);
    call.onLanded(() => {
      const next = this.#waiting(name);
      if (next === undefined) this.#next.delete(name);
      else this.#depart(name, next);
    });
    call.begin();
  }

  /** Returns the call that begins next, unless all of its callers have given up. */
  #waiting(name: string): SharedCall<T> | undefined {
    const next = this.#next.get(name);
    return next?.givenUp ? undefined : next;
  }

  /** Begins the next call, unless it has begun. */
  #depart(name: string, call: SharedCall<T>): void {
    if (this.#next.get(name) === call) this.#begin(name, call);
  }
}

function tooLong(name: string, longest: number): FairleadError {
  return new FairleadError('Unavailable', `the pull of ${name} took longer than ${longest / 1000} seconds`, {
    hint: 'The registry answers too slowly. Try again later.',
  });
}
