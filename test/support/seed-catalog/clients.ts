import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * Returns the answer to a request of HTTP on a port of 127.0.0.1, with its status before it.
 * Rejects after 10 seconds.
 */
export async function http(port: number, path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000), ...init });
  return `${response.status} ${await response.text()}`;
}

/** Asserts that a request of HTTP is answered by a text that matches. */
export async function expectHttp(port: number, path: string, answer: RegExp, init: RequestInit = {}): Promise<void> {
  assert.match(await http(port, path, init), answer, path);
}

/** A connection to a program with a protocol of lines. */
export class Conversation {
  readonly #socket: Socket;
  #received = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#received += text;
    });
  }

  static async open(port: number): Promise<Conversation> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Conversation(socket);
  }

  /** Sends text, and waits until the answer matches; rejects if the connection ends before. */
  async say(text: string, answer: RegExp): Promise<void> {
    this.#received = '';
    this.send(text);
    const signal = AbortSignal.timeout(10_000);
    try {
      while (!answer.test(this.#received)) await once(this.#socket, 'data', { signal });
    } catch (error) {
      throw new Error(`no answer ${answer} to ${text.slice(0, 200)}: ${this.#received}`, { cause: error });
    }
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  close(): void {
    this.#socket.destroy();
  }
}
