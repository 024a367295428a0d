import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#test/peers/program';
import { launcher } from '#test/support/cli/run';

/** A process of `fairlead operator`, as a Pod of its Deployment. */
export interface Replica {
  readonly address: string;
  readonly pid: number;
  /** Everything that it has logged. */
  readonly log: () => string;
  /** Returns the status of `/readyz`, or 0 if the replica does not answer. */
  readiness(): Promise<number>;
  /** Sends SIGTERM, as a kubelet does. */
  terminate(): void;
  /** Returns the exit code when the process has ended. */
  ended(): Promise<number | null>;
  kill(): void;
}

/**
 * The heap of the executable (tools/release/executable.ts) in a container with 512 MiB, as
 * deploy/operator/deployment.yaml has.
 */
const heapOfContainer = ['--max-old-space-size=256', '--max-semi-space-size=16'];

/** Starts a replica and waits until it is ready. */
export async function startReplica(args: readonly string[], cwd: string): Promise<Replica> {
  const address = `127.0.0.1:${await freePort()}`;
  const program = [...heapOfContainer, launcher, 'operator', '--listen', address, ...args];
  const child: ChildProcess = spawn(process.execPath, program, { cwd });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (log += text));
  const end = once(child, 'exit');
  const replica: Replica = {
    address,
    pid: child.pid ?? 0,
    log: () => log,
    readiness: () => readiness(address),
    terminate: () => void child.kill('SIGTERM'),
    ended: async () => (await end)[0] as number | null,
    kill: () => void child.kill('SIGKILL'),
  };
  const deadline = Date.now() + 30_000;
  while ((await replica.readiness()) !== 200) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the operator is not ready:\n${log}`);
    }
    await sleep(50);
  }
  return replica;
}

function readiness(address: string): Promise<number> {
  return new Promise((resolve) => {
    get(`https://${address}/readyz`, { rejectUnauthorized: false, agent: false, timeout: 4000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once('error', () => resolve(0));
  });
}
