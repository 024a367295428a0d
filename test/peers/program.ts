import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type ListenOptions, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a program is started with. */
export interface ProgramOptions {
  /** The name that messages and the log file carry. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The folder that the log is written to. */
  readonly folder: string;
  /**
   * Whether it answers; asked again until it says true, the program ends, or time is over. An error
   * means no.
   */
  readonly ready: () => Promise<boolean>;
  /** Milliseconds until readiness is given up, 30 s by default. */
  readonly timeout?: number;
}

/** A started peer. */
export interface Program {
  readonly pid: number;
  /** The file with everything that it printed. */
  readonly log: string;
  /**
   * Ends it with SIGTERM, and with SIGKILL 10 s later; resolves when it is gone. May be called
   * twice.
   */
  stop(): Promise<void>;
}

/**
 * Children that run; none outlives this process (where it is killed itself, the kernel ends them:
 * see setpriv).
 */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

/**
 * Starts a program with its output in `folder/name.log`, and resolves when it is ready. Rejects,
 * with the end of the log and its path, when it ends or does not get ready in time; it is ended
 * then.
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { name, folder, ready, timeout = 30_000 } = options;
  const log = path.join(folder, `${name}.log`);
  const output = openSync(log, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'SIGKILL', options.command, ...options.args], {
    cwd: folder,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  running.add(child);
  let ended: string | undefined;
  const gone = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      ended = how;
      running.delete(child);
      resolve();
    };
    child.once('error', (error) => end(`does not start: ${error.message}`));
    child.once('exit', (code, signal) => end(`ended with ${signal ?? code}`));
  });

  const stop = async (): Promise<void> => {
    if (ended === undefined) child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(kill);
  };

  const deadline = Date.now() + timeout;
  while (ended === undefined && Date.now() < deadline) {
    if (await ready().catch(() => false)) {
      if (ended !== undefined || child.pid === undefined) break;
      // If another peer fails to start, a suite cannot stop this one, and its process must end.
      child.unref();
      return { pid: child.pid, log, stop };
    }
    await Promise.race([gone, sleep(25)]);
  }
  const reason = ended ?? `is not ready after ${timeout / 1000} s`;
  await stop();
  throw new Error(`${name} ${reason}\n${lastLines(log)}\nThe whole log: ${log}`);
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}

/**
 * A port of 127.0.0.1 that nothing listens on, and that nothing takes before its holder listens on
 * it or while the holder restarts: it lies below the range that the kernel gives to connections and
 * to those who listen on port 0, and no other process that asks this function gets it before this
 * one ends.
 */
export async function freePort(): Promise<number> {
  const ends = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t');
  const first = 10_000;
  const count = Number(ends[0]) - first;
  for (let tries = 0; tries < 1_000; tries++) {
    const port = first + Math.floor(Math.random() * count);
    if (!(await reserve(port))) continue;
    const probe = await listening({ host: '127.0.0.1', port });
    if (probe === undefined) continue;
    await new Promise<void>((resolve) => probe.close(() => resolve()));
    return port;
  }
  throw new Error(`no port from ${first} to ${first + count - 1} is free`);
}

/**
 * Reserves a port until this process ends, by an abstract socket of that name; false if another
 * process has it.
 */
async function reserve(port: number): Promise<boolean> {
  const reservation = await listening({ path: `\0fairlead-test-port-${port}` });
  reservation?.unref();
  return reservation !== undefined;
}

/** A server that listens there; undefined where another one does. */
async function listening(at: ListenOptions): Promise<Server | undefined> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(at, resolve);
    });
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

/** A new folder for one peer, below the system's folder for temporary files. */
export function temporaryFolder(name: string): string {
  return mkdtempSync(path.join(tmpdir(), `fairlead-${name}-`));
}

/**
 * Folders of stopped peers, with their logs, that go when the process ends well, and stay when a
 * test failed.
 */
const finished = new Set<string>();
process.once('exit', (code) => {
  for (const folder of finished) {
    if (code === 0) rmSync(folder, { recursive: true, force: true });
    else if (existsSync(folder)) console.error(`logs are kept in ${folder}`);
  }
});

/** Says that a folder is of no more interest when the process ends, unless something failed. */
export function finishFolder(folder: string): void {
  finished.add(folder);
}
