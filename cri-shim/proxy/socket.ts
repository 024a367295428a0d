import { lstat, realpath, rename, rm } from 'node:fs/promises';
import { type AddressInfo, connect, type Server } from 'node:net';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { makeDirectory } from '#lib/files/make-directory';
import { requireTrustedPath } from '#lib/files/trusted-path';

/**
 * Takes the path out of a `unix:///path` address (a bare absolute path does too). Throws
 * InvalidInput.
 */
export function parseSocketAddress(address: string): string {
  const path = address.startsWith('unix://') ? address.slice('unix://'.length) : address;
  if (!isAbsolute(path)) {
    throw new FairleadError('InvalidInput', `not the address of a Unix socket: ${address}`, {
      hint: 'Write it as unix:///run/fairlead/shim.sock.',
    });
  }
  return path;
}

/**
 * Verifies that the shim can stand between two sockets: they are two, whether or not somebody
 * listens yet, and nobody but root and this user can put another socket in the place of either. The
 * mode of the runtime's socket is its own matter. Throws InvalidInput.
 */
export async function requireTwoSockets(listen: string, runtime: string): Promise<void> {
  const [listening, running] = await Promise.all([placeOf(listen), placeOf(runtime)]);
  if (listening === running) {
    throw new FairleadError('InvalidInput', `\`listen\` and \`runtime\` are the same socket: ${running}`, {
      hint: 'Set `runtime` to the socket of the container runtime, and `listen` to another one, for the kubelet.',
    });
  }
  for (const path of [listen, listening, runtime, running]) await requireTrustedPath(dirname(path));
}

/**
 * Where a socket lies or would lie, over no link; as it is given if its directory does not exist.
 */
async function placeOf(path: string): Promise<string> {
  const present = await realpath(path).catch(() => undefined);
  if (present !== undefined) return present;
  const directory = await realpath(dirname(path)).catch(() => undefined);
  return directory === undefined ? path : join(directory, basename(path));
}

/**
 * Listens on a Unix socket that only root can open (mode 0600). The socket appears under its name
 * in one step and ready to be used; what is left of a dead process is replaced, a socket that
 * somebody answers on is not (Conflict). Returns a function that removes the socket file, unless
 * another process has put its own there since.
 */
export async function listenOnSocket(server: Server, path: string): Promise<() => Promise<void>> {
  await refuseIfTaken(path);
  // Whatever the umask: who can write to the directory can put another socket there.
  await makeDirectory(dirname(path), 0o755).catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `cannot make the directory of ${path}`, { cause, ...fileHint(cause) });
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
    // The socket file is made inside listen(), in one go: the mask is back before anything else
    // runs.
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
      hint: 'Another shim seems to run: stop it first, or choose another path for `listen`.',
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
