import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { peer } from './peer.ts';
import { finishFolder, type Program, startProgram, temporaryFolder } from './program.ts';
import type { Requirement } from './require.ts';
import { writeInitramfs } from './vm/initramfs.ts';

/** What a suite that boots the virtual machine needs. */
export const vmRequirements: readonly Requirement[] = ['qemu-system-x86_64', 'vm-kernel', 'busybox'];

/** What a script in the guest left. */
export interface GuestResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a script may take, in milliseconds. */
const scriptTimeout = 120_000;

/**
 * Boots a virtual machine whose kernel has AppArmor, SELinux, Landlock and eBPF, on the root of the
 * host: every program of the host is there. What the guest writes stays in its memory, but for what
 * it writes to /job.
 *
 * The processor is always emulated, which a boot of ten seconds can afford: it is the same
 * everywhere, and where /dev/kvm opens it may yet not run this kernel, as in some virtual machines.
 * There is one of it: with two, the guest came to a halt now and then on a busy host, each waiting
 * for the other.
 *
 * Boots are what a test run has few of: a suite boots once, and runs all of its cases in that.
 *
 * @param systemd whether systemd is the first process, so that there are services
 */
export async function startVm({
  kernelArguments = '',
  systemd = false,
}: {
  kernelArguments?: string;
  systemd?: boolean;
} = {}): Promise<Vm> {
  const kernel = peer('vm-kernel');
  const modules = path.join(path.dirname(kernel), 'modules');
  const folder = temporaryFolder('vm');
  const job = path.join(folder, 'job');
  mkdirSync(job);
  copyFileSync(path.join(import.meta.dirname, 'vm/agent'), path.join(job, 'agent'));
  const initramfs = path.join(folder, 'initramfs');
  const [release = ''] = readdirSync(modules);
  writeInitramfs(initramfs, path.join(modules, release));
  const socket = path.join(folder, 'agent.sock');
  const program = await startProgram({
    name: 'vm',
    command: peer('qemu-system-x86_64'),
    args: [
      ...['-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', '1024'],
      ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
      ...['-chardev', `socket,id=agent,path=${socket},server=on,wait=off`, '-serial', 'chardev:agent'],
      ...['-kernel', kernel, '-initrd', initramfs],
      ...[
        '-append',
        `console=ttyS0 quiet panic=-1 edd=off log_buf_len=1M ${systemd ? 'agent=systemd ' : ''}${kernelArguments}`,
      ],
      ...['-virtfs', 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap'],
      ...['-virtfs', `local,path=${modules},mount_tag=modules,security_model=none,readonly=on`],
      ...['-virtfs', `local,path=${job},mount_tag=job,security_model=none`],
    ],
    folder,
    ready: async () => existsSync(path.join(job, 'ready')),
    timeout: 120_000,
  });
  return new Vm(program, { folder, job, socket });
}

interface Place {
  readonly folder: string;
  readonly job: string;
  readonly socket: string;
}

/** A running virtual machine. */
export class Vm {
  readonly pid: number;
  /** What the console showed. */
  readonly log: string;
  /** The folder of the host that the guest has as /job. */
  readonly job: string;
  readonly #program: Program;
  readonly #folder: string;
  readonly #agent: Socket;
  readonly #waiting = new Map<number, (status: number) => void>();
  #scripts = 0;

  constructor(program: Program, { folder, job, socket }: Place) {
    this.pid = program.pid;
    this.log = program.log;
    this.job = job;
    this.#program = program;
    this.#folder = folder;
    this.#agent = connect(socket);
    // that the machine is gone is found by the caller that waits for an answer
    this.#agent.on('error', () => undefined);
    createInterface(this.#agent).on('line', (line) => {
      const [number, status] = line.split(' ').map(Number);
      this.#waiting.get(number ?? 0)?.(status ?? -1);
    });
  }

  /**
   * Runs a script with bash, as root, and returns what it left. Scripts run one after the other.
   * Rejects if it takes too long or the machine ends; the machine is of no more use then.
   */
  async run(script: string): Promise<GuestResult> {
    this.#scripts += 1;
    const number = this.#scripts;
    const file = (ending: string): string => path.join(this.job, `${number}.${ending}`);
    writeFileSync(file('sh'), script);
    const status = await new Promise<number>((resolve, reject) => {
      const fail = (how: string): void => {
        const console = readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
        reject(new Error(`the virtual machine ${how} while it ran:\n${script}\nIts console: ${this.log}\n${console}`));
      };
      const timer = setTimeout(() => fail(`gave no answer for ${scriptTimeout / 1000} s`), scriptTimeout);
      const ended = (): void => fail('ended');
      this.#agent.once('close', ended);
      this.#waiting.set(number, (answer) => {
        clearTimeout(timer);
        this.#agent.off('close', ended);
        this.#waiting.delete(number);
        resolve(answer);
      });
      this.#agent.write(`${number}\n`);
    });
    return { status, stdout: readFileSync(file('out'), 'utf8'), stderr: readFileSync(file('err'), 'utf8') };
  }

  /** Runs a script that has to end with 0, and returns what it printed. */
  async output(script: string): Promise<string> {
    const { status, stdout, stderr } = await this.run(script);
    if (status !== 0) throw new Error(`a script in the virtual machine ended with ${status}:\n${script}\n${stderr}`);
    return stdout;
  }

  /** Ends it; its folder goes with the process, unless a test failed. */
  async stop(): Promise<void> {
    await this.#program.stop();
    this.#agent.destroy();
    finishFolder(this.#folder);
  }
}
