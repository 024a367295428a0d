import { createServer, type OutgoingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { endWithStatus, grpcCodes } from './grpc-status.ts';
import { carryHeaders } from './headers.ts';
import { relayAnswer, relayRequest } from './relay.ts';
import { connectionWindow, linkRuntime, type RuntimeLink, sessionOptions } from './runtime-link.ts';
import { listenOnSocket } from './socket.ts';
import { serveUnary, type UnaryHandler } from './unary-call.ts';

export interface ProxyOptions {
  /** Path of the Unix socket to listen on. */
  readonly listen: string;
  /** Path of the runtime's Unix socket. */
  readonly runtime: string;
  /** The calls to look into, by full method name (`runtime.v1.RuntimeService/Status`); all others pass as frames. */
  readonly handlers: ReadonlyMap<string, UnaryHandler>;
  /** Told of every call that ended with an error of the shim's own, with the request message where it was read. */
  readonly onError: (method: string, thrown: unknown, request?: Uint8Array) => void;
  /** How long open calls may take to end when the proxy stops, in milliseconds. */
  readonly drainMilliseconds?: number;
}

export interface RunningProxy {
  /** Accepts no more calls, lets those that run end for a while, cuts the rest, and removes the socket. */
  stop(): Promise<void>;
}

/**
 * A transparent gRPC proxy between two Unix sockets. Calls pass as HTTP/2 frames without being decoded, whatever the method:
 * headers, data, trailers, resets; only those with a handler are read.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const links = new Map<ServerHttp2Session, RuntimeLink>();
  const server = createServer({ ...sessionOptions, streamResetBurst: 10_000, streamResetRate: 10_000 });

  server.on('session', (session: ServerHttp2Session) => {
    const link = linkRuntime(options.runtime);
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
    const method = methodOf(incoming[':path']);
    const handler = options.handlers.get(method);
    try {
      pass(stream, carryHeaders(raw), link, handler, (thrown, request) => options.onError(method, thrown, request));
    } catch (thrown) {
      options.onError(method, thrown);
      endWithStatus(stream, grpcCodes.internal, `the shim cannot pass this call on: ${String(thrown)}`);
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
  onError: (thrown: unknown, request?: Uint8Array) => void,
): void {
  if (handler !== undefined) {
    void serveUnary(stream, headers, handler, (forwarded) => link.request(forwarded, false), onError);
    return;
  }
  const runtime = link.request(headers, stream.endAfterHeaders);
  relayAnswer(stream, runtime);
  if (!stream.endAfterHeaders) relayRequest(stream, runtime);
}

/** The method's full name, from a path that HTTP/2 has checked to begin with a slash. */
function methodOf(path: string | string[] | undefined): string {
  return typeof path === 'string' ? path.slice(1) : '';
}
