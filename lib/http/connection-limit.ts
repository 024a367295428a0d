import type { Socket } from 'node:net';

/**
 * Bounds the connections of a server. At the limit a new connection replaces the oldest one of the
 * address that holds the most: refusing it instead would let two addresses that open theirs again
 * and again keep everybody else out.
 */
export class ConnectionLimit {
  readonly #most: number;
  /** By address, then by port; each address in the order in which its connections were opened. */
  readonly #counted = new Map<string, Map<number, Socket>>();
  #count = 0;
  #exempt = 0;

  /** @param most how many connections there may be, and how many exempt ones besides. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Counts a new connection until it is closed. Destroys another one if there are too many. */
  admit(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // The client has gone already.
    if (remoteAddress === undefined || remotePort === undefined) return;
    const held = this.#counted.get(remoteAddress) ?? new Map<number, Socket>();
    this.#counted.set(remoteAddress, held.set(remotePort, socket));
    this.#count += 1;
    socket.once('close', () => this.#release(remoteAddress, remotePort, socket));
    if (this.#count > this.#most) this.#destroyOne();
  }

  /**
   * Takes the connection of a client that has proved who it is out of the count, so that it is
   * never replaced.
   */
  exempt({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): void {
    if (this.#exempt >= this.#most || remoteAddress === undefined || remotePort === undefined) return;
    const socket = this.#counted.get(remoteAddress)?.get(remotePort);
    if (socket === undefined) return;
    this.#release(remoteAddress, remotePort, socket);
    this.#exempt += 1;
    socket.once('close', () => {
      this.#exempt -= 1;
    });
  }

  #destroyOne(): void {
    const [first, ...others] = this.#counted;
    if (first === undefined) return;
    const [address, held] = others.reduce((most, each) => (each[1].size > most[1].size ? each : most), first);
    for (const [port, oldest] of held) {
      this.#release(address, port, oldest);
      oldest.destroy();
      return;
    }
  }

  #release(address: string, port: number, socket: Socket): void {
    const held = this.#counted.get(address);
    if (held?.get(port) !== socket) return;
    held.delete(port);
    this.#count -= 1;
    if (held.size === 0) this.#counted.delete(address);
  }
}
