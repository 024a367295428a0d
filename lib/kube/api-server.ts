/** A request for a resource of the API server. */
export interface ApiRequest {
  /** Path and query. */
  readonly path: string;
  /** What is done, for messages that begin with "cannot": `list the Namespaces`. */
  readonly title: string;
  /** Media type of the answer; `application/json` by default. */
  readonly accept?: string;
  /** How a large answer to `get` is read; by default at once, up to 16 MiB. */
  readonly size?: AnswerSize;
}

/** How an answer is read that may be large. */
export interface AnswerSize {
  /** Most bytes of the answer. */
  readonly max: number;
  /** More bytes than these are read only after `turn` has resolved. */
  readonly small: number;
  readonly turn: () => Promise<void>;
}

/** The API server of a cluster. */
export interface ApiServer {
  /**
   * Returns the body of the answer. Throws Unavailable, Unauthenticated, NotAllowed or NotFound if
   * the API server does not answer with the resource in time, LimitExceeded if the answer is too
   * large.
   */
  get(request: ApiRequest): Promise<string>;
  /**
   * Calls `onLine` for each line of the answer until the API server ends it. Throws as {@link get}
   * does, and Unavailable if the answer breaks off or `signal` aborts.
   */
  watch(request: ApiRequest, onLine: (line: string) => void, signal: AbortSignal): Promise<void>;
  close(): void;
}
