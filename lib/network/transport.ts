import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { FairleadError } from '#lib/errors';
import { type RunningWork, type TracedWork, traced } from '#lib/traced';
import { agentFor } from './agents.ts';
import type { Connection } from './connection.ts';
import { isPassing, isUnanswered, nameRequest, requestError } from './request-error.ts';
import type { Timeouts } from './timeouts.ts';
import { type WatchedWait, watchWait } from './waits.ts';

/** An HTTP request. No redirect is followed, and nothing is added to it. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The body, or a function that opens it, called each time it is sent. */
  readonly body?: Uint8Array | (() => Promise<AsyncIterable<Uint8Array>>) | undefined;
  /**
   * Repeated only if the server refused it (429), because otherwise its state is unknown after a
   * failure.
   */
  readonly once?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /**
   * Returns the value of a header by its lower-case name. Several lines of a header are joined by a
   * comma.
   */
  header(name: string): string | undefined;
  /** The body, to be read once. Rejects with Unavailable if the connection breaks. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Reads at most `limit` bytes of the body as text and drops the rest. */
  text(limit: number): Promise<string>;
  /** Drops the body. */
  discard(): Promise<void>;
}

export interface Transport {
  send(request: HttpRequest): Promise<HttpResponse>;
}

/**
 * How often a request is sent at most, and the milliseconds before the second time. They double
 * each time, with jitter.
 */
export interface Retry {
  readonly attempts: number;
  readonly delay: number;
}

export const defaultTimeouts: Timeouts = { connect: 10_000, headers: 30_000, body: 30_000 };
export const defaultRetry: Retry = { attempts: 4, delay: 250 };

/** The longest wait in milliseconds. If Retry-After asks for more, the answer is final. */
const longestWait = 30_000;
/** Most bytes of a body in memory that are sent at once. */
const pieceBytes = 256 * 1024;
/**
 * Least bytes per millisecond of a body after a long wait: no timeout ends one that comes byte by
 * byte.
 */
const slowest = 1;
/** Most bytes and milliseconds for a body that is dropped, before its connection is closed. */
const unwantedBytes = 64 * 1024;
const discardTime = 1000;
const retriedStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Returns HTTP over pooled connections. Requests are repeated on 429 and, unless marked `once`, on
 * broken connections, 408 and 5xx, and once if there is no answer in time. `send` rejects with
 * Unavailable if there is no answer, with the reason of the signal if that aborts, and with
 * Internal, at once, if anything but the network failed.
 */
export function createTransport(options: {
  readonly timeouts: Timeouts;
  readonly retry: Retry;
  /** Returns which certificates to trust and to show, and the proxy, for a URL. */
  readonly connection: (url: URL) => Omit<Connection, 'connectTimeout'>;
}): Transport {
  const { timeouts, retry } = options;
  return {
    async send(request) {
      for (let attempt = 1; ; attempt++) {
        request.signal?.throwIfAborted();
        const last = attempt >= retry.attempts;
        let wait = backoff(retry, attempt);
        const body = watchBody(typeof request.body === 'function' ? await request.body() : request.body);
        try {
          const connection = { ...options.connection(request.url), connectTimeout: timeouts.connect };
          const agent = await agentFor(request.url, connection);
          const response = await traced(
            () => requestWork(request, attempt),
            (attributes) => sendOnce(request, body?.content, timeouts, agent, attributes),
          );
          const again = request.once === true ? response.status === 429 : retriedStatuses.has(response.status);
          if (!again || last) return response;
          wait = Math.max(wait, retryAfter(response.header('retry-after')));
          if (wait > longestWait) return response;
          await response.discard();
        } catch (error) {
          if (request.signal?.aborted) throw request.signal.reason;
          if (body?.failed !== undefined) throw body.failed;
          // A server that has not answered twice would only make the user wait for longer.
          const isSilent = attempt >= 2 && isUnanswered(error);
          if (last || isSilent || request.once === true || !isPassing(error)) {
            throw requestError(request, error, { timeouts, attempts: attempt });
          }
        }
        await pause(wait, request.signal);
      }
    },
  };
}

interface WatchedBody {
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
  /** The error of the content itself while it was sent: no fault of the connection. */
  failed?: unknown;
}

function watchBody(body: WatchedBody['content'] | undefined): WatchedBody | undefined {
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) return { content: body };
  const watched: WatchedBody = { content: pieces() };
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* body as AsyncIterable<Uint8Array>;
    } catch (error) {
      watched.failed = error;
      throw error;
    }
  }
  return watched;
}

/** Describes a request by OpenTelemetry's conventions. Its query may contain a credential. */
function requestWork({ method, url }: HttpRequest, attempt: number): TracedWork {
  const attributes = {
    'http.request.method': method,
    'server.address': url.hostname,
    'server.port': Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    'url.full': `${url.origin}${url.pathname}`,
    ...(attempt > 1 && { 'http.request.resend_count': attempt - 1 }),
  };
  return { name: method, kind: 'client', attributes };
}

async function sendOnce(
  request: HttpRequest,
  body: WatchedBody['content'] | undefined,
  timeouts: Timeouts,
  dispatcher: Dispatcher,
  attributes: RunningWork['attributes'],
): Promise<HttpResponse> {
  const long = body instanceof Uint8Array && body.length > pieceBytes;
  const length = long ? { 'content-length': String(body.length) } : {};
  const sent = long ? inPieces(body) : body;
  const wait = watchWait(request.url.host, timeouts.headers);
  try {
    const answer = await dispatcher.request({
      origin: request.url.origin,
      path: request.url.pathname + request.url.search,
      method: request.method,
      headers: { 'user-agent': 'fairlead', 'accept-encoding': 'identity', ...length, ...request.headers },
      headersTimeout: timeouts.headers,
      bodyTimeout: timeouts.body,
      // Without this undici closes the connection after each HEAD, for servers that answer it with
      // a body: on such a one the next answer does not parse, and the request is sent again.
      reset: false,
      ...(sent === undefined
        ? {}
        : { body: sent instanceof Uint8Array ? sent : Readable.from(watched(sent, wait), { objectMode: false }) }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    attributes['http.response.status_code'] = answer.statusCode;
    // It has no body, and without this the signal keeps a reference to it.
    if (request.method === 'HEAD') answer.body.dump({ limit: unwantedBytes }).catch(() => undefined);
    return toResponse(request, answer, timeouts);
  } finally {
    wait?.end();
  }
}

/** The time to an answer counts from the last piece that was taken. */
async function* watched(
  pieces: AsyncIterable<Uint8Array>,
  wait: WatchedWait | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    wait?.restart();
    yield piece;
  }
}

/**
 * Splits a body. The time to an answer counts from the last piece that was taken: in one piece, a
 * large body over a slow line would seem to be stuck.
 */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function tooSlow(request: HttpRequest, received: number, waited: number): FairleadError {
  return new FairleadError(
    'Unavailable',
    `${nameRequest(request)}: only ${received} bytes came in ${Math.round(waited / 1000)} s`,
    { hint: 'The registry, or something on the way to it, is overloaded or hostile. Try again later.' },
  );
}

/**
 * Returns the answer of a request. After a wait of twice the time-out of a body, it must arrive at
 * a minimum rate.
 */
function toResponse(request: HttpRequest, answer: Dispatcher.ResponseData, timeouts: Timeouts): HttpResponse {
  const { body, headers } = answer;
  const patience = 2 * timeouts.body;
  const pieces = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    let asked = performance.now();
    let waited = 0;
    let received = 0;
    let wait = watchWait(request.url.host, timeouts.body);
    try {
      for await (const piece of body) {
        // Only the time that we wait counts: the reader may be slow.
        wait?.end();
        waited += performance.now() - asked;
        received += piece.length;
        if (waited > patience && received < waited * slowest) throw tooSlow(request, received, waited);
        yield piece;
        asked = performance.now();
        wait = watchWait(request.url.host, timeouts.body);
      }
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      throw requestError(request, error, { timeouts });
    } finally {
      wait?.end();
    }
  };
  return {
    status: answer.statusCode,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: { [Symbol.asyncIterator]: pieces },
    async text(limit) {
      const kept: Uint8Array[] = [];
      let length = 0;
      for await (const piece of pieces()) {
        kept.push(piece);
        length += piece.length;
        if (length >= limit) break;
      }
      return Buffer.concat(kept).subarray(0, limit).toString('utf8');
    },
    async discard() {
      // A body that does not end soon, or breaks, costs only its connection.
      await body.dump({ limit: unwantedBytes, signal: AbortSignal.timeout(discardTime) }).catch(() => undefined);
    },
  };
}

function backoff(retry: Retry, attempt: number): number {
  return retry.delay * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
}

/**
 * Returns the milliseconds that a Retry-After header asks for, in seconds or as a date (RFC 9110,
 * 10.2.3), or 0.
 */
function retryAfter(value: string | undefined): number {
  if (value === undefined) return 0;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? 0 : Math.max(0, at - Date.now());
}

/** Waits some milliseconds. Rejects with the reason of the signal if it aborts first. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
