import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A load balancer of TCP connections on loopback, as a Service of Kubernetes is one. */
export interface Balancer {
  readonly url: string;
  /** Returns how many connections a server has. */
  connectionsOf(url: string): number;
  /** Gives a server no further connections. Those that it has stay. */
  remove(url: string): void;
  stop(): Promise<void>;
}

/**
 * Starts a balancer in front of servers, which take turns. One that refuses a connection is passed
 * over; the connections of one that dies are cut.
 */
export async function startBalancer(urls: readonly string[]): Promise<Balancer> {
  const servers = new Map(urls.map((url) => [url, new Set<Socket>()]));
  let turn = 0;
  const join = async (client: Socket): Promise<void> => {
    const all = [...servers.keys()];
    const first = turn++ % all.length;
    for (const url of [...all.slice(first), ...all.slice(0, first)]) {
      const server = connect(Number(new URL(url).port), '127.0.0.1');
      const isConnected = await Promise.race([
        once(server, 'connect').then(() => true),
        once(server, 'close').then(() => false),
      ]).catch(() => false);
      if (!isConnected) continue;
      const sockets = connectionsTo(url);
      sockets.add(client);
      // If the server ends the connection, its last answer still has to arrive.
      server.on('error', () => client.destroy());
      client
        .on('error', () => server.destroy())
        .on('close', () => {
          sockets.delete(client);
          server.destroy();
        });
      client.pipe(server).pipe(client);
      return;
    }
    client.destroy();
  };
  const removed = new Map<string, Set<Socket>>();
  const connectionsTo = (url: string): Set<Socket> => servers.get(url) ?? removed.get(url) ?? new Set();
  const listener = createServer((client) => void join(client));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    connectionsOf: (url) => connectionsTo(url).size,
    remove(url) {
      removed.set(url, connectionsTo(url));
      servers.delete(url);
    },
    async stop() {
      for (const sockets of [...servers.values(), ...removed.values()]) for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
