import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * What happens to the connections of a proxy. Bytes are counted over all connections, from the last
 * `set` on.
 */
export interface Faults {
  /** Cut the connection, once, after this number of bytes from the client to the server. */
  readonly cutAfterSent?: number;
  /** Cut the connection, once, after this number of bytes from the server. */
  readonly cutAfterReceived?: number;
  /** Do not cut the connection then, but let nothing through it any more, either way. */
  readonly stall?: boolean;
  /** Milliseconds by which every piece is late, each way. */
  readonly latency?: number;
  /** Accept, and let nothing through. */
  readonly silent?: boolean;
}

/** A proxy on loopback that breaks connections as it is told. */
export interface FaultProxy {
  /** As references name it: `127.0.0.1:PORT`. */
  readonly host: string;
  set(faults: Faults): void;
  /** How many connections were cut or stalled since the last `set`. */
  readonly cuts: number;
  /** Bytes that went from clients to the server, and back, since the last `set`. */
  readonly sent: number;
  readonly received: number;
  stop(): Promise<void>;
}

/** Starts a proxy in front of a TCP port of 127.0.0.1. */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  let faults: Faults = {};
  let sent = 0;
  let received = 0;
  let cuts = 0;
  const sockets = new Set<Socket>();
  const stalled = new Set<Socket>();

  const pipe = (from: Socket, to: Socket, count: (bytes: number) => boolean): void => {
    let cut = false;
    from.on('data', (piece: Buffer) => {
      if (faults.silent === true || cut || stalled.has(from)) return;
      const cutting = count(piece.length);
      cut = cutting;
      const pass = (): void => {
        if (!cutting) {
          to.write(piece);
          return;
        }
        cuts++;
        if (faults.stall === true) stalled.add(from).add(to);
        // What came before the cut still arrives: half of this piece.
        to.write(piece.subarray(0, piece.length >> 1), () => {
          if (faults.stall === true) return;
          from.destroy();
          to.end();
        });
      };
      if (faults.latency === undefined) pass();
      else setTimeout(pass, faults.latency);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      // After what is still late.
      setTimeout(() => to.end(), faults.latency ?? 0);
    });
  };

  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    sockets.add(client).add(upstream);
    pipe(client, upstream, (bytes) => {
      sent += bytes;
      return cuts === 0 && faults.cutAfterSent !== undefined && sent > faults.cutAfterSent;
    });
    pipe(upstream, client, (bytes) => {
      received += bytes;
      return cuts === 0 && faults.cutAfterReceived !== undefined && received > faults.cutAfterReceived;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(next) {
      faults = next;
      sent = 0;
      received = 0;
      cuts = 0;
    },
    get cuts() {
      return cuts;
    },
    get sent() {
      return sent;
    },
    get received() {
      return received;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
