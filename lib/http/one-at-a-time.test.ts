import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { serveOneAtATime } from './one-at-a-time.ts';

type Hook = (request: object, reply: object, done: () => void) => void;

/** A connection of a server that answers one request at a time. */
class Connection {
  readonly socket = Object.assign(new EventEmitter(), { destroyed: false, destroy: () => this.#destroy() });
  readonly #hooks: Hook[] = [];

  constructor() {
    serveOneAtATime({ addHook: (_name: string, hook: Hook) => this.#hooks.push(hook) } as never, 1);
  }

  /** Sends a request. Its answer may be complete (`writableEnded`), and may have left (`close`). */
  send(): { readonly answer: EventEmitter & { writableEnded: boolean }; readonly begun: Promise<void> } {
    const answer = Object.assign(new EventEmitter(), { writableEnded: false });
    const reply = { raw: answer, hijack: () => {} };
    const begun = new Promise<void>((resolve) => this.#hooks[0]?.({ raw: { socket: this.socket } }, reply, resolve));
    return { answer, begun };
  }

  #destroy(): void {
    this.socket.destroyed = true;
  }
}

describe('a connection that serves one request at a time', () => {
  it('is not cut for a request that overtakes the news that the answer before it has left', async () => {
    const connection = new Connection();
    const first = connection.send();
    await first.begun;
    first.answer.writableEnded = true;
    const second = connection.send();
    assert.equal(connection.socket.destroyed, false);
    let begun = false;
    void second.begun.then(() => {
      begun = true;
    });
    await new Promise(setImmediate);
    assert.equal(begun, false, 'the second request was served before the answer to the first had left');
    first.answer.emit('close');
    await second.begun;
  });

  it('is cut for a request that does not wait for an answer', async () => {
    const connection = new Connection();
    const first = connection.send();
    await first.begun;
    connection.send();
    assert.equal(connection.socket.destroyed, true);
  });

  it('is cut for more than one request while a complete answer is not read', async () => {
    const connection = new Connection();
    const first = connection.send();
    await first.begun;
    first.answer.writableEnded = true;
    connection.send();
    assert.equal(connection.socket.destroyed, false);
    connection.send();
    assert.equal(connection.socket.destroyed, true);
  });
});
