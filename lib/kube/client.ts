import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request as startRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { FairleadError } from '#lib/errors';
import { readAnswer, readLines } from './answer.ts';
import { ApiError, apiErrorOf, isUnauthorized, isUnserved, retryAfterOf } from './api-error.ts';
import type { ApiCall, ApiRequest, WritableApiServer } from './api-server.ts';
import { atLeast, backoffDelay } from './backoff.ts';
import type { UserCluster } from './kube-config.ts';

export interface KubeClientOptions {
  /** Path of a kubeconfig; by default, the ServiceAccount of the pod that we run in. */
  readonly kubeconfig?: string | undefined;
  /**
   * Milliseconds in which a call must be answered, with its repetitions, and an answer to `watch`
   * must begin. They begin when a call has got a socket: it may have to wait for one that others
   * use.
   */
  readonly answerWithin: number;
  readonly hints?: ApiHints;
  /** Counts every request that is sent. */
  readonly metrics?: RequestMetrics | undefined;
}

/** What to do about an answer. */
export interface ApiHints {
  /** The API server does not know who asks. */
  readonly unauthenticated: string;
  /** Who asks has no right to do so. */
  readonly unauthorized: string;
  /** The API server does not serve the resource. */
  readonly unserved: string;
  /** The API server has too many requests. */
  readonly busy: string;
  /** There was no answer, or none in time. */
  readonly unanswered: string;
}

/** Where requests are counted. */
export interface RequestMetrics {
  /** Counts a request and its status; undefined if there was no answer. */
  countRequest(verb: ApiVerb, status: number | undefined): void;
}

/** What a request does, for metrics. */
export type ApiVerb = ApiCall['method'] | 'WATCH';

/**
 * How often a call is sent whose answers ask to send it again later (429 and 503 with Retry-After).
 */
const mostAttempts = 5;
const repetition = { initialMs: 100, maxMs: 5000 };
/** API servers close connections that have been idle for 90 s or longer; we do so before. */
const idleMs = 60_000;

/**
 * A client of the API server that a kubeconfig names.
 *
 * The library reads kubeconfigs and credentials, and nothing else of it is used. Its clients have a
 * limit of time only for watches, ignore Retry-After, keep no connections, and read objects into
 * classes that leave out fields they do not know. Its informer ends with the first failed list or
 * watch, lists everything in one answer, asks for no bookmarks, and drops what its callbacks throw.
 */
export class KubeClient implements WritableApiServer {
  readonly #config: KubeConfig;
  readonly #server: string;
  readonly #options: KubeClientOptions;
  // The agent of the library knows proxies, but does not keep connections, which an admission
  // should not wait for.
  readonly #agent: Agent | undefined;
  /** Milliseconds that the clock of the API server is ahead of ours. */
  #aheadMs = 0;

  private constructor(config: KubeConfig, options: KubeClientOptions) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
      const file = options.kubeconfig ?? 'the ServiceAccount';
      throw new FairleadError('InvalidInput', `${file}: its current context names no cluster`);
    }
    this.#config = config;
    this.#options = options;
    this.#server = cluster.server.replace(/\/+$/, '');
    const kept = { keepAlive: true, maxSockets: 128, timeout: idleMs };
    this.#agent = cluster.proxyUrl === undefined ? new Agent(kept) : undefined;
  }

  /** Opens the API server. Throws InvalidInput if the kubeconfig cannot be used. */
  static async open(options: KubeClientOptions): Promise<KubeClient> {
    // Loaded only if a cluster is asked for: from its own files, the library takes half a
    // second and 80 MiB.
    const { loadKubeConfig } = await import('./kube-config.ts');
    return new KubeClient(loadKubeConfig(options.kubeconfig), options);
  }

  /**
   * Opens the API server as a person does with kubectl, and returns the namespace of the context
   * with it. Throws InvalidInput if the kubeconfig cannot be used.
   */
  static async openAsUser(
    cluster: UserCluster,
    options: Omit<KubeClientOptions, 'kubeconfig'>,
  ): Promise<{ readonly client: KubeClient; readonly namespace: string }> {
    const { loadUserKubeConfig } = await import('./kube-config.ts');
    const config = loadUserKubeConfig(cluster, process.env);
    const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
    return { client: new KubeClient(config, options), namespace };
  }

  async get(request: ApiRequest): Promise<string> {
    return await this.send({ ...request, method: 'GET' });
  }

  async send(call: ApiCall): Promise<string> {
    const allowance = new Allowance(call.answerWithin ?? this.#options.answerWithin);
    const signal = call.signal === undefined ? allowance.signal : AbortSignal.any([allowance.signal, call.signal]);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          const response = await this.#send(call, { verb: call.method, signal, allowance });
          const time = new Date(response.headers.date ?? '');
          if (!Number.isNaN(time.getTime())) call.onTime?.(time);
          return await readAnswer(response, call.size);
        } catch (thrown) {
          // An answer that breaks off here reports only that it was aborted.
          const cause = signal.aborted ? signal.reason : thrown;
          const delay = repetitionDelay(cause, attempt);
          if (delay === undefined || delay >= allowance.leftMs) throw this.#failure(call, cause);
          await sleep(delay, undefined, { signal }).catch(() => {
            throw this.#failure(call, signal.reason);
          });
        }
      }
    } finally {
      allowance.end();
    }
  }

  async watch(request: ApiRequest, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    // The answer goes on; only its beginning has to come soon.
    const allowance = new Allowance(this.#options.answerWithin);
    try {
      const call: ApiCall = { ...request, method: 'GET' };
      const either = AbortSignal.any([signal, allowance.signal]);
      const response = await this.#send(call, { verb: 'WATCH', signal: either, allowance });
      allowance.end();
      request.onOpen?.();
      await readLines(response, onLine);
    } catch (thrown) {
      throw this.#failure(request, allowance.signal.aborted ? allowance.signal.reason : thrown);
    } finally {
      allowance.end();
    }
  }

  /**
   * Returns the time of the API server, to the second, as its last answer told; before the first,
   * that of this machine.
   */
  now(): Date {
    return new Date(Date.now() + this.#aheadMs);
  }

  close(): void {
    this.#agent?.destroy();
  }

  /** Sends a call and returns the answer if its status is 2xx, with the body still to be read. */
  async #send(call: ApiCall, { verb, signal, allowance }: Sending): Promise<IncomingMessage> {
    // The library reads tokens that rotate, runs credential plugins and sets up TLS.
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    if (this.#agent !== undefined) options.agent = this.#agent;
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    options.method = call.method;
    options.headers = { ...options.headers, accept: call.accept ?? 'application/json' };
    if (body !== undefined) {
      const contentType = call.contentType ?? 'application/json';
      options.headers = { ...options.headers, 'content-type': contentType, 'content-length': body.length };
    }
    options.signal = signal;
    const url = new URL(`${this.#server}${call.path}`);
    const attempt: Attempt = { url, body, verb, allowance, isOnKept: false };
    try {
      return await this.#respond(attempt, options);
    } catch (thrown) {
      // A kept connection may have been closed by the other side just before; a second one is
      // opened for this request, if it may arrive twice.
      const mayRepeat = call.method === 'GET' || call.repeatable === true;
      if (!mayRepeat || !attempt.isOnKept || !isConnectionReset(thrown)) throw thrown;
      return await this.#respond(attempt, { ...options, agent: this.#agent === undefined ? options.agent : false });
    }
  }

  async #respond(attempt: Attempt, options: RequestOptions): Promise<IncomingMessage> {
    const { metrics, hints } = this.#options;
    const { url, body, verb, allowance } = attempt;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = startRequest(url, options, resolve)
        .once('socket', () => {
          attempt.isOnKept = request.reusedSocket;
          allowance.begin();
        })
        .on('error', reject)
        .end(body);
    }).catch((thrown) => {
      metrics?.countRequest(verb, undefined);
      throw thrown;
    });
    const status = response.statusCode ?? 0;
    metrics?.countRequest(verb, status);
    const time = Date.parse(response.headers.date ?? '');
    if (!Number.isNaN(time)) this.#aheadMs = time - Date.now();
    if (status >= 200 && status < 300) return response;
    const error = apiErrorOf(url.host, status, await readAnswer(response), response.headers['retry-after']);
    const hint = hints && hintFor(error, hints);
    throw hint === undefined ? error : new ApiError(error.summary, error, { hint });
  }

  /** Returns the error of a request, with what was tried. */
  #failure(
    { title, answerWithin = this.#options.answerWithin }: Pick<ApiCall, 'title' | 'answerWithin'>,
    cause: unknown,
  ): FairleadError {
    const reason = isTimeout(cause) ? `no answer within ${answerWithin} ms` : messageOf(cause);
    const prefix = `cannot ${title}: `;
    // What reads a line of a watch states that itself.
    const summary = reason.startsWith(prefix) ? reason : `${prefix}${reason}`;
    if (!(cause instanceof FairleadError)) {
      const { hints } = this.#options;
      const hint = hints && { hint: hints.unanswered };
      return new ApiError(summary, { status: 0, reason: '' }, { cause, ...hint });
    }
    const options = { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) };
    if (cause instanceof ApiError) return new ApiError(summary, cause, options);
    return new FairleadError(cause.kind, summary, options);
  }
}

interface Sending {
  readonly verb: ApiVerb;
  readonly signal: AbortSignal;
  readonly allowance: Allowance;
}

interface Attempt extends Omit<Sending, 'signal'> {
  readonly url: URL;
  readonly body: Buffer | undefined;
  /** Whether it was sent on a connection that others have used before. */
  isOnKept: boolean;
}

/** The time that a call may take, from when it has got its first socket. */
class Allowance {
  readonly #ms: number;
  readonly #over = new AbortController();
  #begun: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get leftMs(): number {
    return this.#begun === undefined ? this.#ms : this.#begun.at + this.#ms - performance.now();
  }

  begin(): void {
    const abort = (): void => this.#over.abort(new DOMException('too late', 'TimeoutError'));
    this.#begun ??= { at: performance.now(), timer: setTimeout(abort, this.#ms) };
  }

  /** Ends the limit of the time. */
  end(): void {
    clearTimeout(this.#begun?.timer);
  }
}

/**
 * Returns the milliseconds after which a call is sent again; undefined if it is not. Only an API
 * server that sends Retry-After has certainly not begun with the call.
 */
function repetitionDelay(thrown: unknown, attempt: number): number | undefined {
  const wanted = retryAfterOf(thrown);
  const isBusy = thrown instanceof ApiError && (thrown.status === 429 || thrown.status === 503);
  if (wanted === undefined || !isBusy || attempt >= mostAttempts) return undefined;
  return atLeast(wanted, backoffDelay(repetition, attempt));
}

function hintFor(error: ApiError, hints: ApiHints): string | undefined {
  if (error.status === 401) return hints.unauthenticated;
  if (isUnauthorized(error)) return hints.unauthorized;
  if (error.status === 429) return hints.busy;
  return isUnserved(error) ? hints.unserved : undefined;
}

function isConnectionReset(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ECONNRESET' || thrown.code === 'EPIPE');
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'TimeoutError';
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
}
