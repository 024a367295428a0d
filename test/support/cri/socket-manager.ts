import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * Starts a process that listens on a socket, as systemd does for a socket unit, and starts a
 * command with it for each line that it reads. It prints `the shim has ended` after each.
 */
export async function startManager(socket: string, command: readonly string[]): Promise<ChildProcess> {
  const server = createServer();
  const mask = process.umask(0o177);
  server.listen(`${socket}.new`);
  process.umask(mask);
  await once(server, 'listening');
  // The server removes the name that it knows when it closes its own descriptor.
  renameSync(`${socket}.new`, socket);
  const descriptor = Number(Reflect.get(Reflect.get(server, '_handle'), 'fd'));
  const script = `while read -r _; do
    LISTEN_FDS=1 sh -c 'LISTEN_PID=$$ exec "$@"' sh "$@" < /dev/null
    echo 'the shim has ended'
  done`;
  const manager = spawn('/bin/sh', ['-c', script, 'sh', ...command], {
    stdio: ['pipe', 'pipe', 'inherit', descriptor],
  });
  await once(manager, 'spawn');
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return manager;
}
