import type { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { finishFolder } from '../../peers/program.ts';
import { type CriClient, connectCri } from './client.ts';
import { type LogRecord, type PreparedShim, prepareShim, type TestShimOptions } from './shim.ts';
import { startManager } from './socket-manager.ts';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const manager of running) manager.kill('SIGKILL');
});

/**
 * A shim that is started again whenever it ends, with a socket that stays, as by systemd with
 * `fairlead-shim.socket` and Restart=always.
 */
export class ManagedShim {
  readonly files: PreparedShim;
  readonly client: CriClient;
  readonly #manager: ChildProcess;
  #pid = 0;
  #stopping = false;
  #started = Promise.withResolvers<void>();
  #ended = Promise.withResolvers<void>();

  private constructor(files: PreparedShim, manager: ChildProcess) {
    this.files = files;
    this.client = connectCri(files.socket);
    this.#manager = manager;
    const log = path.join(files.folder, 'shim.log');
    createInterface(manager.stdout as NodeJS.ReadableStream).on('line', (line) => {
      appendFileSync(log, `${line}\n`);
      this.#read(line);
    });
  }

  /** Starts it, and waits until it is ready. */
  static async start(options: TestShimOptions): Promise<ManagedShim> {
    const files = await prepareShim(options);
    const command = ['setpriv', '--pdeathsig', 'SIGKILL', files.command, ...files.args];
    const manager = await startManager(files.socket, command);
    running.add(manager);
    const shim = new ManagedShim(files, manager);
    shim.#begin();
    await shim.#started.promise;
    return shim;
  }

  get pid(): number {
    return this.#pid;
  }

  /** Kills it with SIGKILL, and waits until the next one is ready. */
  async kill(): Promise<void> {
    process.kill(this.#pid, 'SIGKILL');
    await this.#ended.promise;
    await this.#started.promise;
  }

  /** Ends it with SIGTERM. */
  async stop(): Promise<void> {
    this.client.close();
    this.#stopping = true;
    process.kill(this.#pid, 'SIGTERM');
    await this.#ended.promise;
    this.#manager.stdin?.end();
    running.delete(this.#manager);
    finishFolder(this.files.folder);
  }

  #begin(): void {
    this.#manager.stdin?.write('start\n');
  }

  #read(line: string): void {
    if (line === 'the shim has ended') {
      const ended = this.#ended;
      this.#started = Promise.withResolvers();
      this.#ended = Promise.withResolvers();
      ended.resolve();
      if (!this.#stopping) this.#begin();
    } else if (line.startsWith('{')) {
      const { pid, msg } = JSON.parse(line) as LogRecord;
      this.#pid = Number(pid);
      if (msg === 'the shim is ready') this.#started.resolve();
    }
  }
}
