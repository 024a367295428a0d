import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { FairleadError } from '#lib/errors';
import { frameMessage, readMessage } from './message.ts';
import { RuntimeLink, type RuntimeSession } from './runtime-link.ts';

/**
 * Makes a unary call of the shim's own to the runtime: method's full name and request message in,
 * response message out.
 */
export type CallRuntime = (method: string, request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

/**
 * Returns a function that calls the runtime on its Unix socket, one connection for each call. It
 * rejects with NotFound if the runtime answers with that status, and with Unavailable for any other
 * failure.
 */
export function runtimeCaller(socketPath: string): CallRuntime {
  return async (method, request, signal) => {
    const link = new RuntimeLink(socketPath);
    try {
      return await callOver(link, method, request, signal);
    } finally {
      link.destroy();
    }
  };
}

/** Returns a function that calls the runtime as callOver does, over one connection. */
export function sessionCaller(session: RuntimeSession): CallRuntime {
  return (method, request, signal) => callOver(session, method, request, signal);
}

/**
 * Makes one call over a link, or one connection of it, and leaves that open. Errors are those of
 * {@link runtimeCaller}.
 */
export async function callOver(
  link: RuntimeSession,
  method: string,
  request: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const headers = { ':method': 'POST', ':path': `/${method}`, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = link.request(headers, false);
  const refusalOf = collectStatus(stream);
  const giveUp = (): void => void stream.destroy();
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    stream.end(frameMessage(request));
    const response = await readMessage(stream);
    if (refusalOf() === undefined) return response;
    throw failure(method, refusalOf());
  } catch (cause) {
    throw failure(method, refusalOf(), cause, signal);
  } finally {
    signal.removeEventListener('abort', giveUp);
    stream.destroy();
  }
}

/** A gRPC status other than OK. */
class Refusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** NOT_FOUND and UNIMPLEMENTED (https://grpc.io/docs/guides/status-codes/). */
const notFound = '5';
const unimplemented = '12';

/** Reports whether a call failed because the runtime answered it with an error. */
export function isRefused(error: unknown): boolean {
  return error instanceof FairleadError && error.cause instanceof Refusal;
}

/** Reports whether a call failed because the runtime does not have the method. */
export function isUnimplemented(error: unknown): boolean {
  return error instanceof FairleadError && error.cause instanceof Refusal && error.cause.code === unimplemented;
}

/**
 * Returns what a call returns; undefined if the runtime does not have the container or sandbox,
 * because it was removed. Rejects with other errors of the call.
 */
export async function unlessRemoved<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'NotFound') return undefined;
    throw error;
  }
}

function failure(method: string, refusal: Refusal | undefined, cause?: unknown, signal?: AbortSignal): FairleadError {
  if (refusal === undefined) {
    const why = signal?.aborted === true ? ' in time' : reasonOf(cause);
    return new FairleadError('Unavailable', `the container runtime did not answer ${method}${why}`, {
      cause,
      hint: 'Check that the container runtime runs and answers, e.g. with crictl info.',
      local: true,
    });
  }
  const { code, message } = refusal;
  const kind = code === notFound ? 'NotFound' : 'Unavailable';
  const text = `the container runtime refused ${method} with status ${code}: ${message}`;
  return new FairleadError(kind, text, {
    hint: 'The log of the container runtime may have more about it.',
    cause: refusal,
    local: true,
  });
}

/** Returns the first error behind others, such as that of the connection with its socket. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return error.cause instanceof Error ? reasonOf(error.cause) : `: ${error.message}`;
}

/**
 * Collects the status of a call: it is in the trailers, or in the headers of a response without a
 * message.
 */
function collectStatus(stream: ClientHttp2Stream): () => Refusal | undefined {
  let refusal: Refusal | undefined;
  const collect = (headers: IncomingHttpHeaders): void => {
    const code = headers['grpc-status'];
    if (typeof code === 'string' && code !== '0') {
      refusal = new Refusal(code, decodeMessage(headers['grpc-message']));
    }
  };
  stream.on('response', collect);
  stream.on('trailers', collect);
  return () => refusal;
}

/**
 * Decodes Status-Message of gRPC over HTTP/2, which is percent-encoded; text with an invalid
 * encoding is returned as it is.
 */
function decodeMessage(value: string | string[] | undefined): string {
  const text = typeof value === 'string' ? value : '';
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
