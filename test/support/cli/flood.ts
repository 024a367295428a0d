/**
 * Sends many requests for the same URL at once, each over a connection of its own, and reads their
 * answers: `node flood.ts URL COUNT`. Prints a line `connected` when all connections are there, and
 * at the end how many answers had which status, as JSON. A process of its own, so that who measures
 * meanwhile is not held up by it.
 */
import { connect } from 'node:net';

const [, , address = '', count = '1'] = process.argv;
const { hostname, port, pathname, search } = new URL(address);

let connected = 0;

/** The status of an answer; 0 where the connection broke before one was there. */
function ask(): Promise<number> {
  return new Promise((resolve) => {
    let status = 0;
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
      if (++connected === Number(count)) process.stdout.write('connected\n');
    });
    socket.on('data', (piece) => {
      if (status === 0) status = Number(/^HTTP\/1\.1 (\d{3})/.exec(piece.toString('latin1'))?.[1] ?? 0);
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(status));
  });
}

const statuses: Record<number, number> = {};
for (const status of await Promise.all(Array.from({ length: Number(count) }, ask))) {
  statuses[status] = (statuses[status] ?? 0) + 1;
}
process.stdout.write(`${JSON.stringify(statuses)}\n`);
