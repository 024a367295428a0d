import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** An answer to a request of a load. */
export interface LoadAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** A client that keeps one connection, as clients of services do. */
export class KeptConnection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** Sends a GET request. Rejects if the connection breaks. */
  get(url: string): Promise<LoadAnswer> {
    return new Promise((resolve, reject) => {
      request(url, { agent: this.#agent }, (response) => {
        const { statusCode: status = 0, headers } = response;
        text(response).then((body) => resolve({ status, retryAfter: headers['retry-after'], body }), reject);
      })
        .on('error', reject)
        .end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
