import { createServer, type RequestListener, type Server } from 'node:http';
import { isIPv6, type Socket } from 'node:net';

/**
 * Connections at a time; the answers that wait for their readers fit into memory. More are closed
 * at once.
 */
const mostConnections = 1024;

/** Of these, how many one client may hold. Behind a load balancer all clients are one. */
const mostOfOneClient = 512;

/**
 * The last ones are for clients that hold none: a probe of the health gets in whatever the others
 * do.
 */
const keptForNewClients = 128;

/** Milliseconds for the head of a request, and how often it is looked whether one is late. */
const longestHead = 5_000;
const checkingInterval = 500;

/** Milliseconds after an answer for which a connection waits for the next request. */
const keepAlive = 30_000;

/**
 * Makes an HTTP/1.1 server in which no client can take the place of all others. `timeout` is how
 * many milliseconds a request may take to arrive; its head has 5 seconds of them. A connection on
 * which nothing moves for twice as long, the work on an answer included, is cut. `accepted` is
 * called for each connection.
 */
export function boundedServer(
  handler: RequestListener,
  { timeout, accepted }: { readonly timeout: number; readonly accepted: () => void },
): Server {
  const options = {
    headersTimeout: Math.min(longestHead, timeout),
    requestTimeout: timeout,
    keepAliveTimeout: keepAlive,
    connectionsCheckingInterval: checkingInterval,
  };
  const server = createServer(options, handler);
  server.maxConnections = mostConnections;
  server.setTimeout(2 * timeout);
  const held = new HeldConnections();
  server.on('connection', (socket) => {
    accepted();
    if (!held.admit(socket)) socket.destroy();
  });
  return server;
}

/** How many connections each client holds. */
class HeldConnections {
  readonly #byClient = new Map<string, number>();
  #all = 0;

  /** Counts a connection until it is closed; false where its client has to let one go first. */
  admit(socket: Socket): boolean {
    const client = clientOf(socket.remoteAddress ?? '');
    const held = this.#byClient.get(client) ?? 0;
    if (held >= mostOfOneClient || (held > 0 && this.#all >= mostConnections - keptForNewClients)) return false;
    this.#all++;
    this.#byClient.set(client, held + 1);
    socket.once('close', () => {
      this.#all--;
      const left = (this.#byClient.get(client) ?? 1) - 1;
      if (left === 0) this.#byClient.delete(client);
      else this.#byClient.set(client, left);
    });
    return true;
  }
}

/**
 * What counts as one client: an IPv4 address, in whichever form the socket has it, or the first 64
 * bits of an IPv6 address, which is the least that a host is given.
 */
export function clientOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return address;
  const [before = '', after] = plain.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const behind = after === '' ? [] : after.split(':');
    while (groups.length + behind.length < 8) groups.push('0');
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
