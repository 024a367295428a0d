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
  /** Ends a call with Unavailable; a watch has an own one. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the answer to `watch` begins. */
  readonly onOpen?: () => void;
  /** Told the time of the API server when another answer begins, if it has one. */
  readonly onTime?: (time: Date) => void;
}

/** How an answer is read that may be large. */
export interface AnswerSize {
  /** Most bytes of the answer. */
  readonly max: number;
  /** More bytes than these are read only after `turn` has resolved. */
  readonly small: number;
  readonly turn: () => Promise<void>;
}

/** A request that may change something. */
export interface ApiCall extends ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Media type of the body; `application/json` by default. */
  readonly contentType?: string;
  /** Whether the call has the same result if it arrives twice. */
  readonly repeatable?: boolean;
  /** Milliseconds in which it must be answered; what the client waits for others by default. */
  readonly answerWithin?: number | undefined;
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

/** An API server that is also written to. */
export interface WritableApiServer extends ApiServer {
  /**
   * Returns the body of the answer. Throws as {@link ApiServer.get} does, Conflict if the object
   * exists or was changed meanwhile, InvalidInput if the API server refuses the object.
   */
  send(call: ApiCall): Promise<string>;
}
