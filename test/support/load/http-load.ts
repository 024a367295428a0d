/**
 * Sends GET requests over keep-alive connections, each as soon as the answer to the one before it
 * on the same connection has arrived: `node http-load.ts CONNECTIONS MILLISECONDS URL…`.
 * Connections request the URLs in turn. Prints a {@link LoadResult} as JSON. A process of its own,
 * so that it does not delay who measures; without an HTTP library, so that the server is measured.
 */
import { connect, type Socket } from 'node:net';
import type { LoadResult } from './run-load.ts';

const [, , connections = '1', milliseconds = '1000', ...addresses] = process.argv;
const urls = addresses.map((address) => new URL(address));
const first = urls[0] ?? new URL('http://127.0.0.1');
const requests = urls.map(({ pathname, search }) =>
  Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${first.host}\r\n\r\n`),
);
const latencies: number[] = [];
const statuses: Record<string, number> = {};
let turn = 0;
let ended = false;

/** Requests one URL after another until the time is over. */
function client(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(first.port), first.hostname);
    socket.setNoDelay(true);
    let sent = 0;
    let missing = -1;
    let head = '';
    const ask = (): void => {
      sent = performance.now();
      socket.write(requests[turn++ % requests.length] ?? '');
    };
    const finish = (): void => {
      latencies.push(performance.now() - sent);
      missing = -1;
      head = '';
      if (ended) close(socket, resolve);
      else ask();
    };
    socket.once('connect', ask);
    socket.once('error', reject);
    socket.on('data', (piece: Buffer) => {
      if (missing < 0) {
        head += piece.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        const status = head.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
        missing = length - (head.length - end - 4);
      } else missing -= piece.length;
      if (missing === 0) finish();
    });
  });
}

function close(socket: Socket, resolve: () => void): void {
  socket.once('close', () => resolve());
  socket.end();
}

const began = performance.now();
setTimeout(() => {
  ended = true;
}, Number(milliseconds));
await Promise.all(Array.from({ length: Number(connections) }, client));
const seconds = (performance.now() - began) / 1000;
latencies.sort((a, b) => a - b);
const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
const result: LoadResult = {
  rate: latencies.length / seconds,
  count: latencies.length,
  p50: at(0.5),
  p99: at(0.99),
  statuses,
};
process.stdout.write(JSON.stringify(result));
