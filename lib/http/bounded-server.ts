import { createServer, type RequestListener, type Server } from 'node:http';
import type { ConnectionBound } from './connections/connection-bound.ts';
import { HttpsServer } from './https-server.ts';
import type { ServedTls } from './served-tls.ts';

/** How long clients may take, in milliseconds. */
export interface ServerTimes {
  /** For the head of a request, and for a TLS handshake. */
  readonly head: number;
  /** For a request as a whole to arrive. */
  readonly request: number;
  /**
   * From an answer to the next request on the connection, and with TLS from the handshake to the
   * first request.
   */
  readonly idle: number;
  /** Without a byte in either direction, the work on an answer included. */
  readonly silence: number;
}

export interface BoundedServerOptions {
  readonly times: ServerTimes;
  readonly connections: ConnectionBound;
  /** The certificate of an HTTPS server; without it, the server speaks plain HTTP. */
  readonly tls?: ServedTls | undefined;
}

/** How often the times are checked, in milliseconds. */
const checkingInterval = 500;

/**
 * Makes an HTTP/1.1 or HTTPS server in which no client can take the place of all others: clients
 * slower than `times` are cut, and `connections` bounds how many there are. It does not listen yet.
 */
export function boundedServer(handler: RequestListener, { times, connections, tls }: BoundedServerOptions): Server {
  const options = {
    headersTimeout: times.head,
    requestTimeout: times.request,
    keepAliveTimeout: times.idle,
    connectionsCheckingInterval: checkingInterval,
  };
  const server = tls === undefined ? createServer(options, handler) : secureServer(handler, options, times, tls);
  server.setTimeout(times.silence);
  connections.attach(server);
  return server;
}

/** Clients that have no certificate get in too: the requests decide what they may do. */
function secureServer(handler: RequestListener, options: object, times: ServerTimes, tls: ServedTls): Server {
  const server = new HttpsServer(
    {
      ...options,
      ...tls.pair,
      handshakeTimeout: times.head,
      minVersion: 'TLSv1.2',
      requestCert: tls.pair.ca !== undefined,
      rejectUnauthorized: false,
    },
    handler,
    times.idle,
  );
  tls.serve(server);
  return server;
}
