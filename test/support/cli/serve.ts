import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { launcher } from './run.ts';

/** A running `fairlead serve`. */
export interface Services {
  /** URLs where each listens, without a path; empty for one that the arguments do not name. */
  readonly push: string;
  readonly pull: string;
  /** Where probes are answered, if the arguments name an address for them. */
  readonly health: string;
  readonly pid: number;
  /** Sends SIGHUP. */
  reload(): void;
  /** Ends the process with SIGTERM; gives its exit code. */
  stop(): Promise<number | null>;
  /** Ends the process with SIGKILL. */
  kill(): Promise<void>;
}

export interface ServeOptions {
  readonly cwd: string;
  /** On top of a bare environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The launcher of another copy than this checkout. */
  readonly program?: string;
}

/** What still runs when a test fails half-way must not outlive it. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/**
 * Starts `fairlead serve` with the services that the arguments give addresses for, and waits until
 * they listen.
 */
export async function startServe(
  args: readonly string[],
  { cwd, env, program = launcher }: ServeOptions,
): Promise<Services> {
  const child = spawn(process.execPath, [program, 'serve', ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  const services = ['--push', '--pull', '--health'].filter((option) => args.includes(option));
  const addresses = await readAddresses(child, services.length);
  // Nor keep it from ending.
  child.unref();
  if (child.stdout instanceof Socket) child.stdout.unref();
  return {
    push: addresses['push'] ?? '',
    pull: addresses['pull'] ?? '',
    health: addresses['health'] ?? '',
    pid: child.pid ?? 0,
    reload: () => void child.kill('SIGHUP'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.ref();
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      return code;
    },
    async kill() {
      child.ref();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Reads the log until `count` services have reported their address. */
async function readAddresses(child: ChildProcess, count: number): Promise<Record<string, string>> {
  assert.ok(child.stdout);
  const addresses: Record<string, string> = {};
  for await (const line of createInterface(child.stdout)) {
    const { service, msg } = JSON.parse(line);
    const address = /^Server listening at (https?:\S+)$/.exec(msg)?.[1];
    if (address !== undefined) addresses[service] = address;
    if (Object.keys(addresses).length === count) break;
  }
  if (Object.keys(addresses).length < count) {
    // Its output may end before the exit is reported.
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    throw new Error(`fairlead serve ended with ${child.signalCode ?? child.exitCode}`);
  }
  // What it logs from here on is let go: a full pipe would stop it.
  child.stdout.resume();
  return addresses;
}
