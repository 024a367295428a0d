import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** A request whose answer may not have left. */
interface Place {
  hasLeft: boolean;
  /** Begins the request after it on the same connection. */
  beginNext?: () => void;
}

/** The requests of one connection whose answers have not left. */
interface Line {
  readonly answers: Set<ServerResponse>;
  last: Place | undefined;
}

/**
 * Begins a request only when the answer to the one before it on the same connection has left. HTTP
 * lets clients send requests without waiting (RFC 9112, 9.3.2): hundreds fit into one packet, and
 * their answers would all wait in memory for a client that reads nothing. A connection with more
 * than `most` requests that have no answer yet is cut: Node stops reading for the answers that
 * wait, not for these.
 *
 * An answer that is complete does not count. Its last byte may have reached the client, and the
 * next request us, before Node reports that it has left.
 */
export function serveOneAtATime(app: FastifyInstance, most: number): void {
  const lines = new WeakMap<Socket, Line>();
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw;
    let line = lines.get(socket);
    if (line === undefined) {
      line = { answers: new Set(), last: undefined };
      lines.set(socket, line);
    }
    const before = line.last;
    line.last = takePlace(line, reply.raw);
    if (waitingIn(line, most) > most) socket.destroy();
    const begin = (): void => {
      if (socket.destroyed)
        reply.hijack(); // the client has gone
      else done();
    };
    if (before === undefined || before.hasLeft) begin();
    else before.beginNext = begin;
  });
}

function takePlace({ answers }: Line, answer: ServerResponse): Place {
  const place: Place = { hasLeft: false };
  answers.add(answer);
  answer.once('close', () => {
    place.hasLeft = true;
    answers.delete(answer);
    place.beginNext?.();
  });
  return place;
}

/** Returns the number of answers that are not complete; exact if it may be more than `most`. */
function waitingIn({ answers }: Line, most: number): number {
  if (answers.size <= most) return answers.size;
  return [...answers].filter(({ writableEnded }) => !writableEnded).length;
}
