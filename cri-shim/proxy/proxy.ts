import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { endWithStatus, errorStatus, grpcCodes } from '../../lib/cri/grpc-status.ts';
import { carryHeaders } from '../../lib/cri/headers.ts';
import { connectionWindow, RuntimeLink, sessionOptions } from '../../lib/cri/runtime-link.ts';
import { relayAnswer, relayRequest } from './relay.ts';
import { listenOnSocket } from './socket.ts';
import { type Abandonment, type CallReports, serveUnary, type UnaryHandler } from './unary-call.ts';

export interface ProxyOptions {
  /** Path of the Unix socket to listen on. */
  readonly listen: string;
  /** Path of the runtime's Unix socket. */
  readonly runtime: string;
  /**
   * The handlers by full method name (`runtime.v1.RuntimeService/Status`). All other calls pass as
   * frames.
   */
  readonly handlers: ReadonlyMap<string, UnaryHandler>;
  /**
   * Called for every call that ended with an error of the shim, with the request message if it was
   * read. The method is empty if the request does not specify one.
   */
  readonly onError: (method: string, thrown: unknown, request?: Uint8Array) => void;
  /**
   * Called for every call that its client cancelled, or whose deadline passed, while a handler was
   * at work.
   */
  readonly onAbandoned?: (method: string, cause: Abandonment, request?: Uint8Array) => void;
  /** How long running calls may take to end when the proxy stops, in milliseconds. */
  readonly drainMilliseconds?: number;
}

export interface RunningProxy {
  /**
   * Removes the socket, accepts no more calls, waits for running calls for a limited time, and cuts
   * the rest.
   */
  stop(): Promise<void>;
}

/** Maximum length of a refused path in an error, in characters. */
const longestNamed = 200;

/**
 * Starts a transparent gRPC proxy between two Unix sockets. Passes calls of any method as HTTP/2
 * frames (headers, data, trailers, resets) without decoding them. Only calls with a handler are
 * decoded. Refuses requests that are not gRPC calls with UNIMPLEMENTED.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const links = new Map<ServerHttp2Session, RuntimeLink>();
  const server = createServer({ ...sessionOptions, streamResetBurst: 10_000, streamResetRate: 10_000 });

  server.on('session', (session: ServerHttp2Session) => {
    const link = new RuntimeLink(options.runtime);
    links.set(session, link);
    if (!session.destroyed) session.setLocalWindowSize(connectionWindow);
    session.on('error', () => undefined); // 'close' follows
    session.on('close', () => {
      links.delete(session);
      link.destroy();
    });
  });
  server.on('sessionError', () => undefined);
  server.on('stream', (stream: ServerHttp2Stream, incoming, _flags, raw: string[]) => {
    const link = stream.session === undefined ? undefined : links.get(stream.session as ServerHttp2Session);
    if (link === undefined) return void stream.close();
    stream.on('error', () => undefined); // 'close' follows
    const method = methodOf(incoming);
    if (method === undefined) {
      const refusal = notACall(incoming);
      options.onError('', refusal);
      return endWithStatus(stream, grpcCodes.unimplemented, errorStatus(refusal).message);
    }
    const handler = options.handlers.get(method);
    try {
      pass(stream, carryHeaders(raw), link, handler, {
        onError: (thrown, request) => options.onError(method, thrown, request),
        onAbandoned: (cause, request) => options.onAbandoned?.(method, cause, request),
      });
    } catch (thrown) {
      options.onError(method, thrown);
      endWithStatus(stream, grpcCodes.internal, `the shim cannot forward this call: ${String(thrown)}`);
    }
  });

  const unlink = await listenOnSocket(server, options.listen);
  return {
    async stop() {
      await unlink();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const session of links.keys()) session.close();
      const cut = setTimeout(() => {
        for (const session of links.keys()) session.destroy();
      }, options.drainMilliseconds ?? 5000);
      await closed;
      clearTimeout(cut);
    },
  };
}

function pass(
  stream: ServerHttp2Stream,
  headers: OutgoingHttpHeaders,
  link: RuntimeLink,
  handler: UnaryHandler | undefined,
  reports: CallReports,
): void {
  if (handler !== undefined) {
    void serveUnary(stream, headers, handler, (forwarded) => link.request(forwarded, false), reports);
    return;
  }
  const runtime = link.request(headers, stream.endAfterHeaders);
  relayAnswer(stream, runtime);
  if (!stream.endAfterHeaders) relayRequest(stream, runtime);
}

/**
 * The path of a gRPC call: `/`, the full name of a service, `/`, the name of a method, in the
 * syntax of protobuf identifiers.
 */
const callPath = /^\/((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*\/[A-Za-z_]\w*)$/;

/**
 * Returns the full name of the method that a request calls; undefined if it is not POST of
 * `/service/method` exactly (gRPC over HTTP/2, Requests). Servers differ in what else they accept:
 * containerd 1.6 also accepts a path without the leading slash, which HTTP/2 libraries let through
 * under a `:scheme` other than http and https. If such a call passed, the shim and the runtime
 * would read it as different calls.
 */
function methodOf({ ':method': verb, ':path': path }: IncomingHttpHeaders): string | undefined {
  return verb === 'POST' && typeof path === 'string' ? callPath.exec(path)?.[1] : undefined;
}

function notACall({ ':method': verb, ':path': path }: IncomingHttpHeaders): FairleadError {
  const named = path === undefined ? 'without a path' : quote(String(path), longestNamed);
  return new FairleadError('InvalidInput', `not a gRPC call: ${verb} ${named}`, {
    hint: 'A call is POST of /service/method, such as /runtime.v1.RuntimeService/Version.',
  });
}
