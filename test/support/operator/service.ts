import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A Service with its endpoints, as kube-proxy implements it. */
export interface Service {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /**
   * Sends new connections to these addresses, in turn. Connections that exist stay where they are.
   */
  setEndpoints(addresses: readonly string[]): void;
  stop(): Promise<void>;
}

/** Starts a Service on loopback. */
export async function startService(): Promise<Service> {
  let endpoints: readonly string[] = [];
  let next = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const endpoint = endpoints[next++ % Math.max(1, endpoints.length)];
    if (endpoint === undefined) {
      client.destroy();
      return;
    }
    const [host = '', port = ''] = endpoint.split(':');
    const pod = connect({ host, port: Number(port), noDelay: true });
    for (const [from, to] of [
      [client, pod],
      [pod, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.once('error', () => to.destroy());
      from.once('close', () => sockets.delete(from));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    setEndpoints(addresses) {
      endpoints = addresses;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
