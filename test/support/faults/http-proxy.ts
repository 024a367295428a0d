import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a request is answered with in place of what the server would say. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A proxy on loopback that refuses requests as it is told. */
export interface RefusingProxy {
  /** As references name it: `127.0.0.1:PORT`. */
  readonly host: string;
  /** The requests since the last `set`, refused ones too: method, path and status. */
  readonly seen: readonly string[];
  /** Refuses the requests for which `refuse` says so. */
  set(refuse: (request: IncomingMessage) => Refusal | undefined): void;
  stop(): Promise<void>;
}

/**
 * Starts a proxy in front of an HTTP server on a port of 127.0.0.1; it refuses nothing until it is
 * told.
 */
export async function startRefusingProxy(port: number): Promise<RefusingProxy> {
  let refuse: (request: IncomingMessage) => Refusal | undefined = () => undefined;
  let seen: string[] = [];
  const server = createServer((request, response) => {
    const { method, url: path, headers } = request;
    const note = (status: number | undefined) => seen.push(`${method} ${path} ${status}`);
    const refusal = refuse(request);
    if (refusal !== undefined) {
      note(refusal.status);
      // Read to its end, so that the answer is not lost with the connection.
      request.resume().on('end', () => response.writeHead(refusal.status, refusal.headers).end());
      return;
    }
    request.pipe(
      httpRequest({ port, host: '127.0.0.1', method, path, headers }, (answer) => {
        note(answer.statusCode);
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get seen() {
      return seen;
    },
    set(next) {
      refuse = next;
      seen = [];
    },
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
