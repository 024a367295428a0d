import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Server, Socket } from 'node:net';
import { FairleadError } from '#lib/errors';
import { listenOnDescriptor, requirePrivateSocket } from '#lib/http/inherited-socket';
import { quote } from '#lib/text/quote';
import { endWithStatus, errorStatus, grpcCodes } from '../../lib/cri/grpc-status.ts';
import { carryHeaders } from '../../lib/cri/headers.ts';
import { connectionWindow, RuntimeLink, sessionOptions } from '../../lib/cri/runtime-link.ts';
import { MessageMemory } from './message-memory.ts';
import { OpenCalls } from './open-calls.ts';
import { relayAnswer, relayRequest } from './relay.ts';
import { listenOnSocket } from './socket.ts';
import { type Abandonment, type ServedCall, serveUnary, type UnaryHandler } from './unary-call.ts';

export interface ProxyOptions {
  /** Path of the Unix socket to listen on. */
  readonly listen: string;
  /** The descriptor of a socket on which a service manager listens there already. */
  readonly inherited?: number | undefined;
  /** Path of the runtime's Unix socket. */
  readonly runtime: string;
  /**
   * The handlers by full method name (`runtime.v1.RuntimeService/Status`). All other calls pass as
   * frames.
   */
  readonly handlers: ReadonlyMap<string, UnaryHandler>;
  /** The methods whose calls do not end by themselves: they are ended when the proxy stops. */
  readonly endless?: ReadonlySet<string>;
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
   * Removes its own socket, accepts no more calls, ends endless ones, waits for the others for a
   * limited time, and cuts the rest. Connections to an inherited socket that are not accepted wait
   * for the next process.
   */
  stop(): Promise<void>;
}

/** How long running calls may take to end by default, in milliseconds. */
const defaultDrain = 10_000;
/** How long clients may take to close their connections after the last call, in milliseconds. */
const parting = 100;

/** Maximum length of a refused path in an error, in characters. */
const longestNamed = 200;

/**
 * Starts a transparent gRPC proxy between two Unix sockets. Passes calls of any method as HTTP/2
 * frames (headers, data, trailers, resets) without decoding them. Only calls with a handler are
 * decoded. Refuses requests that are not gRPC calls with UNIMPLEMENTED.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const links = new Map<ServerHttp2Session, RuntimeLink>();
  const calls = new OpenCalls();
  const memory = new MessageMemory();
  const connections = new Set<Socket>();
  const server = createServer({ ...sessionOptions, streamResetBurst: 10_000, streamResetRate: 10_000 });

  server.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
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
    calls.add(stream, method);
    const handler = options.handlers.get(method);
    try {
      pass(stream, carryHeaders(raw), link, handler, {
        memory,
        onError: (thrown, request) => options.onError(method, thrown, request),
        onAbandoned: (cause, request) => options.onAbandoned?.(method, cause, request),
      });
    } catch (thrown) {
      options.onError(method, thrown);
      endWithStatus(stream, grpcCodes.internal, `the shim cannot forward this call: ${String(thrown)}`);
    }
  });

  const unlink = await listenFor(server, options);
  return {
    async stop() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      await unlink();
      for (const session of links.keys()) session.close();
      calls.end(options.endless ?? new Set());
      await beforeTimeout(calls.none(), options.drainMilliseconds ?? defaultDrain);
      await beforeTimeout(closed, parting);
      for (const session of links.keys()) session.destroy();
      // A session that was closed waits for its client to close the connection.
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

/** Begins to listen. Returns a function that removes the socket, unless it is inherited. */
async function listenFor(
  server: Server,
  { listen, inherited }: Pick<ProxyOptions, 'listen' | 'inherited'>,
): Promise<() => Promise<void>> {
  if (inherited === undefined) return listenOnSocket(server, listen);
  await requirePrivateSocket(listen);
  await listenOnDescriptor(server, inherited);
  return async () => undefined;
}

/** Waits for something, for a limited time in milliseconds. */
async function beforeTimeout(awaited: Promise<void>, longest: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, longest);
  });
  await Promise.race([awaited, passed]);
  clearTimeout(timer);
}

function pass(
  stream: ServerHttp2Stream,
  headers: OutgoingHttpHeaders,
  link: RuntimeLink,
  handler: UnaryHandler | undefined,
  served: ServedCall,
): void {
  if (handler !== undefined) {
    void serveUnary(stream, headers, handler, link, served);
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
