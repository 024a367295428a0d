import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

export interface DrainTimes {
  /** Milliseconds in which new connections are served in any case. */
  readonly atLeast: number;
  /** Milliseconds after which connections that are still open are not waited for. */
  readonly atMost: number;
}

const checkMs = 50;

/**
 * Empties a server of its clients before it is closed. Clients that keep connections, as API
 * servers do, lose a request that they send when the server closes its connection. Therefore only
 * the client may end an idle connection: either after an answer with `Connection: close`, or when
 * it has been idle for as long as the client keeps it. HTTP/2 could announce the end (GOAWAY), but
 * API servers call the webhooks of a Service by HTTP/1.1 only, and repeat no POST request.
 */
export class Drain {
  readonly #app: FastifyInstance;
  #hasBegun = false;

  /** Add it before the server listens. */
  constructor(app: FastifyInstance) {
    this.#app = app;
    app.addHook('onRequest', async (request, reply) => {
      if (this.#hasBegun && request.url === '/readyz') return reply.status(503).send({ status: 'not ready' });
    });
    app.addHook('onSend', async (_request, reply) => {
      if (this.#hasBegun) reply.header('connection', 'close');
    });
  }

  /**
   * Makes the server not ready, and has each answer end its connection. Resolves when no connection
   * is left; returns how many were left after `atMost`.
   */
  async run({ atLeast, atMost }: DrainTimes): Promise<number> {
    this.#hasBegun = true;
    const began = performance.now();
    await sleep(atLeast);
    let left = await this.#connections();
    while (left > 0 && performance.now() - began < atMost) {
      await sleep(checkMs);
      left = await this.#connections();
    }
    return left;
  }

  #connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }
}
