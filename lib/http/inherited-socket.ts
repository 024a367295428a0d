import { lstat } from 'node:fs/promises';
import type { Server } from 'node:net';
import { FairleadError } from '#lib/errors';

/** The first file descriptor that a service manager passes (sd_listen_fds(3)). */
const firstDescriptor = 3;

/**
 * Returns the descriptor of the socket on which a service manager already listens for this process
 * (socket activation of systemd); undefined without one. Throws InvalidInput if there are several.
 */
export function inheritedSocket(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { LISTEN_PID, LISTEN_FDS } = env;
  // Variables of a parent process are not meant for this one.
  if (LISTEN_PID !== String(pid) || LISTEN_FDS === undefined) return undefined;
  if (LISTEN_FDS === '1') return firstDescriptor;
  throw new FairleadError('InvalidInput', `the service manager passes ${LISTEN_FDS} sockets (LISTEN_FDS): want 1`, {
    hint: 'Set one ListenStream= in the socket unit of this service.',
  });
}

/** Begins to accept connections on an inherited socket. Rejects if it is not one that listens. */
export function listenOnDescriptor(server: Server, descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd: descriptor }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Verifies that only this user can open the socket on which a service manager made this process
 * listen: Node.js does not tell who the peer of a connection is. Throws InvalidInput.
 */
export async function requirePrivateSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `there is no socket ${path}`, {
      cause,
      hint: 'Set `listen` to the path that the service manager listens on (ListenStream=).',
    });
  });
  if (found.isSocket() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0) return;
  throw new FairleadError('InvalidInput', `users other than this one can open the socket ${path}`, {
    hint: 'Set SocketMode=0600, and neither SocketUser= nor SocketGroup=, in its socket unit.',
  });
}

/**
 * Resolves when a server has had no connection for a while, in milliseconds. A service that a
 * service manager starts again for the next connection can end then.
 */
export function whenIdle(server: Server, longest: number): Promise<void> {
  return new Promise((resolve) => {
    let open = 0;
    let timer = setTimeout(resolve, longest);
    server.on('connection', (connection) => {
      open += 1;
      clearTimeout(timer);
      connection.once('close', () => {
        open -= 1;
        if (open > 0) return;
        clearTimeout(timer);
        timer = setTimeout(resolve, longest);
      });
    });
  });
}
