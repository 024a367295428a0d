import { lstat, realpath, rename, rm } from 'node:fs/promises';
import { type AddressInfo, connect, type Server } from 'node:net';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { makeDirectory } from '#lib/files/make-directory';
import { requireTrustedPath } from '#lib/files/trusted-path';

/**
 * Returns the path of a `unix:///path` address, or of an address that is an absolute path. Throws
 * InvalidInput.
 */
export function parseSocketAddress(address: string): string {
  const path = address.startsWith('unix://') ? address.slice('unix://'.length) : address;
  if (!isAbsolute(path)) {
    throw new FairleadError('InvalidInput', `invalid address of a Unix socket: ${address}: want unix:///path`, {
      hint: 'Write it as unix:///run/fairlead/shim.sock.',
    });
  }
  return path;
}

/**
 * Verifies that the two sockets of the shim differ, whether or not they exist yet, and that only
 * root and this user can replace them. Does not check the mode of the runtime's socket. Throws
 * InvalidInput.
 */
export async function requireTwoSockets(listen: string, runtime: string): Promise<void> {
  const [listening, running] = await Promise.all([placeOf(listen), placeOf(runtime)]);
  if (listening === running) {
    throw new FairleadError('InvalidInput', `the shim cannot listen on the socket of the runtime: ${running}`, {
      hint: 'Set `runtime` to the socket of the container runtime, and `listen` to another one, for the kubelet.',
    });
  }
  for (const path of [listen, listening, runtime, running]) await requireTrustedPath(dirname(path));
}

/**
 * Returns the path of an existing or future socket without links; the same path if its directory
 * does not exist.
 */
async function placeOf(path: string): Promise<string> {
  const present = await realpath(path).catch(() => undefined);
  if (present !== undefined) return present;
  const directory = await realpath(dirname(path)).catch(() => undefined);
  return directory === undefined ? path : join(directory, basename(path));
}

/**
 * Listens on a Unix socket that only root can open (mode 0600). The socket appears under its name
 * in one step and ready for use. Replaces the socket of a dead process; rejects with Conflict if a
 * process answers on it. Returns a function that removes the socket file, unless another process
 * has replaced it.
 */
export async function listenOnSocket(server: Server, path: string): Promise<() => Promise<void>> {
  await refuseIfTaken(path);
  // Independent of the umask: a user who can write to the directory can replace the socket.
  await makeDirectory(dirname(path), 0o755).catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `cannot create the directory of ${path}`, { cause, ...fileHint(cause) });
  });
  const nascent = `${path}.${process.pid}`;
  try {
    await rm(nascent, { force: true });
    await bind(server, nascent);
    await rename(nascent, path);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `cannot listen on ${path}`, { cause, ...fileHint(cause) });
  }
  const { ino } = await lstat(path);
  return async () => {
    const now = await lstat(path).catch(() => undefined);
    if (now?.ino === ino) await rm(path, { force: true });
  };
}

function bind(server: Server, path: string): Promise<AddressInfo | string | null> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // listen() creates the socket file synchronously: the mask is reset before other code runs.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve(server.address());
      });
    } finally {
      process.umask(mask);
    }
  });
}

async function refuseIfTaken(path: string): Promise<void> {
  const present = await lstat(path).catch(() => undefined);
  if (present === undefined) return;
  if (!present.isSocket()) {
    throw new FairleadError('InvalidInput', `${path} exists and is not a socket`, {
      hint: 'Choose another path for `listen`, or remove the file.',
    });
  }
  if (await answers(path)) {
    throw new FairleadError('Conflict', `another process listens on ${path}`, {
      hint: 'Another shim may be running. Stop it, or choose another path for `listen`.',
    });
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
