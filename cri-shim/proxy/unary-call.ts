import type { ClientHttp2Stream, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { FairleadError, toFairleadError } from '#lib/errors';
import { endWithStatus, errorStatus, grpcCodes } from '../../lib/cri/grpc-status.ts';
import { formatTimeout, parseTimeout } from '../../lib/cri/headers.ts';
import { frameMessage, readMessage } from '../../lib/cri/message.ts';
import type { RuntimeLink, RuntimeSession } from '../../lib/cri/runtime-link.ts';
import type { MessageMemory } from './message-memory.ts';
import { relayAnswer, relayEnd, relayHead } from './relay.ts';

/** A unary call that the shim handles. */
export interface UnaryCall {
  /** The request message, as it came. */
  readonly request: Uint8Array;
  /**
   * Aborts if the client cancels the call or its deadline passes, and some time before the deadline
   * with a reason to refuse the call.
   */
  readonly signal: AbortSignal;
  /** The runtime, for a handler that decides by what the runtime reports of itself. */
  readonly runtime: Pick<RuntimeLink, 'pin'>;
}

/**
 * The result of a handler: an answer, or a request message to forward, with an optional handler of
 * the response.
 */
export type UnaryResult =
  | { readonly answer: Uint8Array }
  | {
      readonly forward: Uint8Array;
      /**
       * The connection to forward it over, if only the process that the handler has asked may
       * receive it. The call is refused if that connection has ended. By default any connection of
       * the client's.
       */
      readonly over?: RuntimeSession | undefined;
      /**
       * Takes the runtime's response message and returns the one to forward. Not called if the
       * runtime answers with an error.
       */
      readonly onReply?: (response: Uint8Array) => Uint8Array | Promise<Uint8Array>;
    };

/**
 * Handles one call. If it throws, the client receives a gRPC status and the runtime receives
 * nothing.
 */
export type UnaryHandler = (call: UnaryCall) => Promise<UnaryResult>;

/** Why a call ended without an answer. */
export type Abandonment = 'cancelled' | 'deadline';

/** The reports of a call. */
export interface CallReports {
  /** Called if the shim refuses the call, with the request message if it was read. */
  readonly onError: (thrown: unknown, request?: Uint8Array) => void;
  /** Called if the client or its deadline ends the call while the handler is at work. */
  readonly onAbandoned: (cause: Abandonment, request?: Uint8Array) => void;
}

/** What a call is served with. */
export interface ServedCall extends CallReports {
  readonly memory: Pick<MessageMemory, 'reserve'>;
}

/** The part of a deadline that a handler has: an answer after the deadline says nothing. */
const handlerShare = 0.75;

/**
 * Serves one unary call by a handler: reads the whole request, calls the handler, and answers or
 * forwards the call within the rest of the client's deadline.
 */
export async function serveUnary(
  client: ServerHttp2Stream,
  headers: OutgoingHttpHeaders,
  handler: UnaryHandler,
  runtime: Pick<RuntimeLink, 'request' | 'pin'>,
  { onError, onAbandoned, memory }: ServedCall,
): Promise<void> {
  const timeout = parseTimeout(headers['grpc-timeout'] as string | undefined);
  const deadline = timeout === undefined ? undefined : performance.now() + timeout;
  const given = new AbortController();
  const early = new AbortController();
  const timers = timeout === undefined ? [] : startTimers(timeout, given, early);
  let request: Uint8Array | undefined;
  let isHandled = false;
  client.on('error', () => undefined);
  client.on('close', () => given.abort());
  given.signal.addEventListener('abort', () => {
    if (!isHandled) onAbandoned(given.signal.reason === pastDeadline ? 'deadline' : 'cancelled', request);
    endWithStatus(client, grpcCodes.deadlineExceeded, 'the deadline expired in the shim');
  });
  try {
    // The stream must outlive a refused message: the refusal is sent on it.
    const signal = AbortSignal.any([given.signal, early.signal]);
    const reserve = (bytes: number): Promise<void> => memory.reserve(bytes, client, signal);
    request = await readMessage(client.iterator({ destroyOnReturn: false }), reserve);
    const result = await handler({ request, signal, runtime });
    isHandled = true;
    if (given.signal.aborted) return;
    if ('answer' in result) return answer(client, result.answer);
    // From here on the runtime and the client keep the deadline.
    const left = deadline === undefined ? undefined : formatTimeout(deadline - performance.now());
    const stream = (result.over ?? runtime).request(forwardedHeaders(headers, left), false);
    if (result.onReply === undefined) relayAnswer(client, stream);
    else relayChanged(client, stream, result.onReply, (thrown) => onError(thrown, request));
    stream.end(frameMessage(result.forward));
  } catch (thrown) {
    isHandled = true;
    if (given.signal.aborted) return;
    onError(thrown, request);
    const { code, message } = errorStatus(toFairleadError(thrown));
    endWithStatus(client, code, message);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** The reason of the signal of a call whose deadline has passed. */
const pastDeadline = new Error('the deadline has passed');

/** The longest time of a timer, in milliseconds. */
const longestTimer = 0x7fffffff;

function startTimers(timeout: number, given: AbortController, early: AbortController): readonly NodeJS.Timeout[] {
  const share = Math.min(timeout * handlerShare, longestTimer);
  const refusal = (): FairleadError =>
    new FairleadError(
      'Unavailable',
      `no answer within ${share / 1000} s, and the caller waits ${timeout / 1000} s at most`,
      { hint: 'The registry, or the runtime, does not answer or is too slow. Check that it is healthy.' },
    );
  return [
    setTimeout(() => given.abort(pastDeadline), Math.min(timeout, longestTimer)),
    setTimeout(() => early.abort(refusal()), share),
  ];
}

/**
 * Returns the headers for a message of the shim: uncompressed, of any length, and with the rest of
 * the deadline.
 */
function forwardedHeaders(headers: OutgoingHttpHeaders, timeout: string | undefined): OutgoingHttpHeaders {
  const forwarded: OutgoingHttpHeaders = { ...headers, 'grpc-accept-encoding': 'identity' };
  delete forwarded['content-length'];
  delete forwarded['grpc-encoding'];
  if (timeout !== undefined) forwarded['grpc-timeout'] = timeout;
  return forwarded;
}

function answer(client: ServerHttp2Stream, message: Uint8Array): void {
  client.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  client.once('wantTrailers', () => client.sendTrailers({ 'grpc-status': '0' }));
  client.end(frameMessage(message));
}

/**
 * Passes the answer as relayAnswer does, but with the response message that `change` returns.
 * Headers and trailers are those of the runtime. Cuts an answer that exceeds the size limit of
 * messages.
 */
function relayChanged(
  client: ServerHttp2Stream,
  runtime: ClientHttp2Stream,
  change: (response: Uint8Array) => Uint8Array | Promise<Uint8Array>,
  onError: (thrown: unknown) => void,
): void {
  relayHead(client, runtime);
  relayEnd(client, runtime);
  let isError = false;
  runtime.on('trailers', (trailers) => {
    isError = trailers['grpc-status'] !== '0';
  });
  const sendChanged = async (): Promise<void> => {
    const body = new MessageBody(runtime);
    try {
      // The trailers come before the end of the body.
      const response = await readMessage(body);
      client.end(frameMessage(isError ? response : await change(response)));
    } catch (thrown) {
      // relayEnd reports how the streams ended, and cancels the call if the client has its
      // answer.
      if (body.brokeOff || client.destroyed || client.writableEnded || !client.headersSent) return;
      if (body.isEmpty) return void client.end(); // an error: trailers only
      onError(thrown);
      endWithStatus(client, grpcCodes.internal, `the runtime's answer: ${toFairleadError(thrown).message}`);
    }
  };
  void sendChanged();
}

/** The body of the runtime's answer, as it comes. */
class MessageBody implements AsyncIterable<Buffer> {
  readonly #stream: ClientHttp2Stream;
  isEmpty = true;
  /** Whether the stream ended with an error. */
  brokeOff = false;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) {
        this.isEmpty = false;
        yield chunk;
      }
    } catch {
      this.brokeOff = true;
    }
  }
}
