import { type CallRuntime, callOver } from './runtime-call.ts';
import { RuntimeLink } from './runtime-link.ts';

/**
 * A connection to the runtime that stays open between calls. It tells whether one runtime process
 * answered several calls, since a process that ends takes its connections with it.
 */
export class RuntimeConnection {
  readonly #link: RuntimeLink;
  #connections = 0;
  #open: number | undefined;

  constructor(socketPath: string) {
    this.#link = new RuntimeLink(socketPath, {
      connected: () => {
        this.#connections += 1;
        this.#open = this.#connections;
      },
      lost: () => {
        this.#open = undefined;
      },
    });
  }

  /**
   * The number of the connection that is open, which no other one has; undefined if none is open.
   */
  get current(): number | undefined {
    return this.#open;
  }

  /** Calls the runtime as runtimeCaller does; connects first if no connection is open. */
  readonly call: CallRuntime = (method, request, signal) => callOver(this.#link, method, request, signal);

  close(): void {
    this.#link.destroy();
  }
}
